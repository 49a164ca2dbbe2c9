// What is sent again with its id, or under its key: it is stored once, and runs anew only where the first attempt failed.
import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { APIError } from "openai";
import type { ResponseInputItem } from "openai/resources/responses/responses";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type ModelScene, says, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
  scene.upstream.answer = (response, { body }) => says(`to ${body.messages.at(-1).content}`)(response);
});

const user = (content: string, id?: string): ResponseInputItem =>
  ({ type: "message", role: "user", content, ...(id && { id }) }) as ResponseInputItem;

const textsOf = async (conversation: string) => {
  const items = await Array.fromAsync(
    scene.client.conversations.items.list(conversation, { order: "asc", limit: 100 }),
  );
  return items.map((item) => (item as { content: { text: string }[] }).content[0]?.text);
};

const picture = (): ResponseInputItem => ({
  role: "user",
  content: [
    { type: "input_text", text: "see" },
    {
      type: "input_image",
      image_url: `data:image/png;base64,${randomBytes(60_000).toString("base64")}`,
      detail: "low",
    },
  ],
});

/** What the tenant's files take, and of how many none is named. */
async function files(): Promise<{ all: number; unnamed: number }> {
  const { server, tenant } = scene.dialect;
  const text = `select count(*) as all, count(*) filter (where not named) as unnamed from file
    where tenant_id = $1 and erase_time is null`;
  const [row] = await server.database.query({ name: "test_files", text }, [tenant.id]);
  const { all, unnamed } = row as { all: bigint; unnamed: bigint };
  return { all: Number(all), unnamed: Number(unnamed) };
}

const ways: Record<string, object> = {
  blocking: {},
  streaming: { stream: true },
  background: { background: true },
  unstored: { store: false },
};

describe("an item of a response whose id is in the conversation", () => {
  test.each(Object.keys(ways))("is stored once, %s", async (way) => {
    const { client } = scene;
    const conversation = (await client.conversations.create()).id;
    const send = async (...input: ResponseInputItem[]) => {
      const asked = { model: "m", conversation, input, ...ways[way] };
      // biome-ignore lint/suspicious/noExplicitAny: each way has a type of its own
      const response: any = await client.responses.create(asked as any);
      if (way === "streaming") for await (const _ of response);
      if (way !== "background") return;
      const ended = async () => (await client.responses.retrieve(response.id)).status;
      await expect.poll(ended).toBe("completed");
    };
    await send(user("hello", "s1"));
    await send(user("hello", "s1"));
    await send(user("more"), user("hello", "s1"), user("most", "s2"));
    expect(await textsOf(conversation)).toEqual(["hello", "to hello", "to hello", "more", "most", "to more\n\nmost"]);
    await expect(send(user("other", "s1"))).rejects.toMatchObject({ status: 400, param: "input[0].id" });
    await expect(send(user("x", "s3"), user("x", "s3"))).rejects.toMatchObject({ status: 400, param: "input[1].id" });
    expect(await textsOf(conversation)).toHaveLength(6);
  });

  test("is stored once by many at once, and shown as what each replied to", async () => {
    const { client } = scene;
    const conversation = (await client.conversations.create()).id;
    const input = [user("hello", "s1")];
    const sent = Array.from({ length: 6 }, () => client.responses.create({ model: "m", conversation, input }));
    const responses = await Promise.all(sent);
    expect(await textsOf(conversation)).toEqual(["hello", ...responses.map(() => "to hello")]);
    const inputs = await Promise.all(
      responses.map(async ({ id }) => (await client.responses.inputItems.list(id)).data),
    );
    expect(inputs.map((items) => items.map(({ id }) => id))).toEqual(inputs.map(() => ["s1"]));
  });

  test("stays where the response that it was sent again with fails", async () => {
    const { client, upstream } = scene;
    const conversation = (await client.conversations.create()).id;
    await client.responses.create({ model: "m", conversation, input: [user("hello", "s1")] });
    upstream.answer = (response) => response.writeHead(500).end();
    const failing = client.responses.create({ model: "m", conversation, input: [user("hello", "s1")] });
    await expect(failing).rejects.toMatchObject({ status: 502 });
    expect(await textsOf(conversation)).toEqual(["hello", "to hello"]);
  });

  test("is stored once in a chain, where the response after it goes on from it", async () => {
    const { client, upstream } = scene;
    const next = async (before: string | undefined, ...input: ResponseInputItem[]) =>
      (await client.responses.create({ model: "m", input, ...(before && { previous_response_id: before }) })).id;
    const told = () =>
      upstream.calls.at(-1)?.body.messages.flatMap(({ content }: { content: string }) => content.split("\n\n"));
    const first = await next(undefined, user("one", "s1"));
    await next(first, user("two", "s2"));
    const again = await next(first, user("two", "s2"));
    expect(told()).toEqual(["one", "to one", "two"]);
    await next(again, user("three", "s3"));
    expect(told()).toEqual(["one", "to one", "two", "to two", "three"]);
    await next(first, user("one", "s1"), user("apart", "s4"));
    expect(told()).toEqual(["one", "to one", "apart"]);
    await next(first, user("two", "s2"), user("four", "s5"));
    expect(told()).toEqual(["one", "to one", "two", "four"]);
    // It is on the branch of another.
    const elsewhere = next(again, user("apart", "s4"));
    await expect(elsewhere).rejects.toMatchObject({ status: 400, param: "input[0].id" });
  });
});

describe("a retry under the key of a response that failed", () => {
  const inputs: Record<string, () => string | ResponseInputItem[]> = {
    "of a text": () => "hello",
    "of a picture": () => [picture()],
  };
  const down = (response: ServerResponse) => response.writeHead(501).end();

  /** What a way of asking comes to: the status and id of the response, or the status of the error. */
  async function outcome(way: string, body: object, key: string): Promise<readonly (string | number | undefined)[]> {
    const { client } = scene;
    const options = { headers: { "Idempotency-Key": key } };
    try {
      // biome-ignore lint/suspicious/noExplicitAny: each way has a type of its own
      const asked: any = await client.responses.create({ model: "m", ...body, ...ways[way] } as any, options);
      if (way === "streaming") {
        const events = await Array.fromAsync<{ response?: { id: string; status: string } }>(asked);
        const { status = "", id } = events.at(-1)?.response ?? {};
        return [status, id];
      }
      if (way !== "background") return [asked.status, asked.id];
      await expect.poll(async () => (await client.responses.retrieve(asked.id)).status).not.toBe("in_progress");
      return [(await client.responses.retrieve(asked.id)).status ?? "", asked.id];
    } catch (error) {
      return [(error as APIError).status];
    }
  }

  const cases = ["blocking", "streaming", "background"].flatMap((way) =>
    Object.keys(inputs).map((input) => [way, input] as const),
  );
  test.each(cases)("runs anew, and never once an attempt has succeeded: %s, %s", async (way, what) => {
    const { client, upstream } = scene;
    const conversation = (await client.conversations.create()).id;
    const [body, key] = [{ conversation, input: inputs[what]?.() }, crypto.randomUUID()];
    upstream.answer = down;
    const failed = await outcome(way, body, key);
    expect(failed[0]).toBe(way === "blocking" ? 502 : "failed");
    upstream.answer = says("at last");
    const asked = upstream.calls.length;
    const several = await Promise.all([1, 2, 3].map(() => outcome(way, body, key)));
    expect(several.map(([status]) => status)).toEqual(["completed", "completed", "completed"]);
    expect(new Set([...several, await outcome(way, body, key)].map(([, id]) => id)).size).toBe(1);
    expect(several[0]?.[1]).not.toBe(failed[1]);
    expect(upstream.calls.length).toBe(asked + 1);
    expect(await textsOf(conversation)).toEqual([what === "of a text" ? "hello" : "see", "at last"]);
  });

  test("acts as the client's own attempts do, which have the same item with its id", async () => {
    const { client, upstream } = scene;
    const conversation = (await client.conversations.create()).id;
    upstream.answer = (response, _, index) => (index < 2 ? down(response) : says("at last")(response));
    const body = { model: "m", conversation, input: [{ ...picture(), id: "p1" } as ResponseInputItem] };
    const { output_text } = await client.withOptions({ maxRetries: 2 }).responses.create(body);
    expect([output_text, upstream.calls.length]).toEqual(["at last", 3]);
    expect(await textsOf(conversation)).toEqual(["see", "at last"]);
  });

  test("is known by what the client sent, whatever became of it", async () => {
    const { client, dialect } = scene;
    const { credential } = await dialect.tenant.key("read", "write");
    const again = async (path: string, body: object, destroy: (id: string) => Promise<unknown>) => {
      const options = { body, credential, headers: { "Idempotency-Key": crypto.randomUUID() } };
      const first = await dialect.http("POST", path, options);
      await destroy(first.json.id ?? first.json.data[0].id);
      const { status, json } = await dialect.http("POST", path, options);
      return [first.status, status, json.error?.message];
    };
    const remove = (path: string) => dialect.http("DELETE", `/openai/v1/${path}`, { credential });
    const gone = await again("/openai/v1/responses", { model: "m", input: [picture()] }, (id) =>
      remove(`responses/${id}`),
    );
    expect(gone).toEqual([200, 404, expect.stringMatching(/^Response with id 'resp_\w+' not found\.$/)]);
    const items = { items: [picture()] };
    expect(await again("/openai/v1/conversations", items, (id) => remove(`conversations/${id}`))).toEqual([
      200,
      200,
      undefined,
    ]);
    const place = `conversations/${(await client.conversations.create()).id}/items`;
    expect(await again(`/openai/v1/${place}`, items, (id) => remove(`${place}/${id}`))).toEqual([200, 200, undefined]);
    const other = { credential, headers: { "Idempotency-Key": crypto.randomUUID() } };
    expect((await dialect.http("POST", `/openai/v1/${place}`, { ...other, body: items })).status).toBe(200);
    const changed = await dialect.http("POST", `/openai/v1/${place}`, { ...other, body: { items: [picture()] } });
    expect([changed.status, changed.json.error.message]).toEqual([400, expect.stringContaining("another request")]);
  });
});

test.each([
  [500, 502, "true"],
  [503, 502, "true"],
  [429, 429, "true"],
  [401, 502, "false"],
  [404, 502, "false"],
  [400, 400, "false"],
])("a model's %i is %i, with x-should-retry: %s", async (status, shown, retry) => {
  scene.upstream.answer = (response) =>
    response.writeHead(status, { "retry-after": "60" }).end('{"error":{"message":"no"}}');
  const conversation = (await scene.client.conversations.create()).id;
  const asked = scene.client.responses.create({ model: "m", conversation, input: "x" });
  const error = await asked.catch((caught: unknown) => caught as APIError);
  expect([(error as APIError).status, (error as APIError).headers?.get("x-should-retry")]).toEqual([shown, retry]);
  // Not one failure too many in a row.
  scene.upstream.answer = says("ok");
  expect((await scene.client.responses.create({ model: "m", conversation, input: "x" })).output_text).toBe("ok");
});

test("a model whose reply is longer than a message may be is not asked again", async () => {
  scene.upstream.answer = says("x".repeat(300_000));
  const asked = scene.client.responses.create({ model: "m", input: "x" });
  const error = (await asked.catch((caught: unknown) => caught)) as APIError;
  expect([error.status, error.code, error.message, error.headers?.get("x-should-retry")]).toEqual([
    502,
    "server_error",
    "502 the reply is longer than a message may be",
    "false",
  ]);
});

describe("an item with a large picture and an id", () => {
  test("is stored once, sent again as it was or as it was shown, and no file is stored for another", async () => {
    const { client } = scene;
    const conversation = (await client.conversations.create()).id;
    const item = { type: "message", id: "p1", ...picture() } as ResponseInputItem;
    const { data } = await client.conversations.items.create(conversation, { items: [item] });
    const before = await files();
    const [shown] = data;
    expect((await client.conversations.items.create(conversation, { items: [item] })).data).toEqual(data);
    const again = { items: [shown as ResponseInputItem] };
    expect((await client.conversations.items.create(conversation, again)).data).toEqual(data);
    await client.responses.create({ model: "m", conversation, input: [item] });
    await client.responses.create({ model: "m", conversation, input: again.items });
    const other = { items: [{ ...item, ...picture() } as ResponseInputItem] };
    const refused = { status: 400, param: "items[0].id" };
    await expect(client.conversations.items.create(conversation, other)).rejects.toMatchObject(refused);
    expect(await files()).toEqual(before);
    expect(await textsOf(conversation)).toHaveLength(3);
  });
});

describe("a picture of a response", () => {
  test("that fails is no file of the conversation, and one file for all attempts", async () => {
    const { client, upstream } = scene;
    const conversation = (await client.conversations.create()).id;
    const before = await files();
    const body = { model: "m", conversation, input: [picture()] };
    upstream.answer = (response, _, index) => (index < 4 ? response.writeHead(501).end() : says("ok")(response));
    await expect(client.withOptions({ maxRetries: 1 }).responses.create(body)).rejects.toMatchObject({ status: 502 });
    expect(await files()).toEqual({ all: before.all + 1, unnamed: before.unnamed + 1 });
    const options = { headers: { "x-stainless-retry-count": "2" } };
    expect((await client.responses.create(body, options)).output_text).toBe("ok");
    expect(await files()).toEqual({ all: before.all + 1, unnamed: before.unnamed });
  });

  test.each([
    ["an unknown conversation", { model: "m", conversation: `conv_${"0".repeat(32)}` }, 404],
    ["an unknown response before it", { model: "m", previous_response_id: `resp_${"0".repeat(32)}` }, 400],
  ])("is not stored for %s", async (_, place, status) => {
    const before = await files();
    const asked = scene.client.responses.create({ ...place, input: [picture()] });
    await expect(asked).rejects.toMatchObject({ status });
    const items = scene.client.conversations.items.create(`conv_${"0".repeat(32)}`, { items: [picture()] });
    await expect(items).rejects.toMatchObject({ status: 404 });
    expect(await files()).toEqual(before);
  });
});
