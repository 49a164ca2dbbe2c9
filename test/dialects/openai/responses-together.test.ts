// Responses of many callers at once, of clients that send them again, and streams that are cut anywhere.
import type { BadRequestError } from "openai";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import OlderOpenAI from "openai-6";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { lockWaits } from "../../support/postgres/lock-waits.ts";
import { type SwallowingProxy, startSwallowingProxy } from "../../support/services/swallowing-proxy.ts";
import { chunk, finishChat, type ModelScene, responds, says, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
let proxy: SwallowingProxy;
beforeAll(async () => {
  scene = await startModelScene();
  proxy = await startSwallowingProxy(scene.dialect.server.url);
});
afterAll(async () => {
  await proxy.close();
  await scene.close();
});
beforeEach(() => {
  scene.upstream.calls.length = 0;
  scene.upstream.answer = says("Hello");
});

const textsOf = async (conversation: string) => {
  const items = await Array.fromAsync(
    scene.client.conversations.items.list(conversation, { order: "asc", limit: 100 }),
  );
  return items.map((item) => (item as { content: { text: string }[] }).content[0]?.text);
};

test("64 responses on one conversation come one after the other, each with its input before it", async () => {
  const { client, upstream } = scene;
  upstream.answer = (response, { body }) => says(`to ${body.messages.at(-1).content}`)(response);
  const conversation = (await client.conversations.create()).id;
  const patient = client.withOptions({ maxRetries: 200 });
  const asked = Array.from({ length: 64 }, (_, index) => `q${index}`);
  const responses = await Promise.all(
    asked.map((input) => patient.responses.create({ model: "m", input, conversation })),
  );
  expect(responses.map(({ output_text }) => output_text)).toEqual(asked.map((input) => `to ${input}`));
  const texts = await textsOf(conversation);
  expect(texts).toHaveLength(128);
  const pairs = asked.map((_, index) => texts.slice(2 * index, 2 * index + 2));
  expect(pairs.every(([input, output]) => output === `to ${input}`)).toBe(true);
  expect(pairs.map(([input]) => input).sort()).toEqual(asked.toSorted());
  // Each was told of all before it.
  expect(upstream.calls.map(({ body }) => body.messages.length)).toEqual(asked.map((_, index) => 2 * index + 1));
});

test("past those that may wait, a response is refused with the time after which to come again", async () => {
  const { client, upstream } = scene;
  const gate = Promise.withResolvers<void>();
  upstream.answer = async (response) => {
    await gate.promise;
    says("ok")(response);
  };
  const conversation = (await client.conversations.create()).id;
  const asking = Array.from({ length: 40 }, (_, index) =>
    client.responses.create({ model: "m", input: `${index}`, conversation }).then(
      () => "ok" as const,
      (error: BadRequestError) => {
        // The first refusal is there while the others still wait.
        gate.resolve();
        return error;
      },
    ),
  );
  const outcomes = await Promise.all(asking);
  const refused = outcomes.filter((outcome) => outcome !== "ok");
  expect(outcomes.length - refused.length).toBeGreaterThanOrEqual(16);
  for (const error of refused) {
    expect(error).toMatchObject({ status: 400, code: "conversation_locked", param: "conversation" });
    expect([error.headers.get("x-should-retry"), error.headers.get("retry-after-ms")]).toEqual(["true", "1000"]);
  }
});

test("items that are added while a response runs come after what it said", async () => {
  const { client, upstream } = scene;
  const gate = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  upstream.answer = async (response, _, index) => {
    asked.resolve();
    if (index === 0) await gate.promise;
    says(`answer ${index}`)(response);
  };
  const conversation = (await client.conversations.create()).id;
  const first = client.responses.create({ model: "m", input: "one", conversation });
  await asked.promise;
  const between = { type: "message", role: "user", content: "between" } as const;
  const adding = client.conversations.items.create(conversation, { items: [between] });
  const later = client.responses.create({ model: "m", input: "two", conversation });
  // Time for both to be there, were they let in.
  for (let look = 0; look < 5; look++) expect(await textsOf(conversation)).toEqual(["one"]);
  gate.resolve();
  await Promise.all([first, adding, later]);
  const [one, answer, ...rest] = await textsOf(conversation);
  expect([one, answer]).toEqual(["one", "answer 0"]);
  expect([
    ["between", "two", "answer 1"],
    ["two", "answer 1", "between"],
  ]).toContainEqual(rest);
});

test("what the client sends again by itself, after answers that were lost, asks the model once", async () => {
  const { client, upstream } = scene;
  const lossy = client.withOptions({ baseURL: `${proxy.url}/openai/v1`, maxRetries: 2 });
  const conversation = (await client.conversations.create()).id;
  for (const stream of [false, true]) {
    upstream.calls.length = 0;
    proxy.lose(2);
    const body = { model: "m", input: `lost ${stream}`, conversation };
    if (!stream) await lossy.responses.create(body);
    else for await (const _ of await lossy.responses.create({ ...body, stream }));
    expect(upstream.calls, String(stream)).toHaveLength(1);
  }
  expect(await textsOf(conversation)).toEqual(["lost false", "Hello", "lost true", "Hello"]);
});

test("a further attempt that comes while the first is on its way to the database is one with it", async () => {
  const { dialect, client, upstream } = scene;
  const { id: conversation } = await client.conversations.create();
  const { database, url } = dialect.server;
  const send = (count: number, signal?: AbortSignal) =>
    fetch(`${url}/openai/v1/responses`, {
      method: "POST",
      body: JSON.stringify({ model: "m", input: "once", conversation }),
      headers: {
        authorization: `Bearer ${client.apiKey}`,
        "content-type": "application/json",
        "x-stainless-retry-count": String(count),
      },
      ...(signal && { signal }),
    });
  const waiting = async () => (await lockWaits(database)).length;
  let second: Promise<Response> | undefined;
  await database.transaction(undefined, async (tx) => {
    const text = "select c.id from conversation c where c.tenant_id = $1 and c.id = $2::uuid for update";
    await tx.query({ name: "test_hold", text }, [dialect.tenant.id, conversation.slice("conv_".length)]);
    const cut = new AbortController();
    const first = send(0, cut.signal).catch(() => {});
    await expect.poll(waiting).toBe(1);
    cut.abort();
    await first;
    second = send(1);
    // It has come by when others that came after it are answered.
    for (let n = 0; n < 3; n++) await client.conversations.retrieve(conversation);
  });
  expect((await second)?.status).toBe(200);
  expect(await textsOf(conversation)).toEqual(["once", "Hello"]);
  expect(upstream.calls).toHaveLength(1);
});

test("after a model that failed, the client's own next attempt asks it anew, and doubles nothing", async () => {
  const { client, upstream } = scene;
  const conversation = (await client.conversations.create()).id;
  let fails = 2;
  upstream.answer = (response) => {
    if (fails-- <= 0) return says("At last")(response);
    response.writeHead(500);
    response.end("{}");
  };
  const retrying = client.withOptions({ maxRetries: 3 });
  const { output_text } = await retrying.responses.create({ model: "m", input: "try", conversation });
  expect(output_text).toBe("At last");
  expect(await textsOf(conversation)).toEqual(["try", "At last"]);
});

test("an idempotency key gives the same response, and refuses another body", async () => {
  const { client } = scene;
  const options = { headers: { "Idempotency-Key": crypto.randomUUID() } };
  const first = await client.responses.create({ model: "m", input: "a" }, options);
  expect(await client.responses.create({ model: "m", input: "a" }, options)).toEqual(first);
  const other = client.responses.create({ model: "m", input: "b" }, options);
  await expect(other).rejects.toMatchObject({ status: 400, type: "invalid_request_error" });
  expect(scene.upstream.calls).toHaveLength(1);
});

test("streams that are cut anywhere and resumed give each event once", async () => {
  const { client, upstream } = scene;
  upstream.answer = async (response) => {
    for (let word = 0; word < 60; word++) {
      chunk(response, { content: `w${word} ` });
      await new Promise((resolve) => setImmediate(resolve));
    }
    finishChat(response);
  };
  const { id } = await client.responses.create({ model: "m", input: "x", background: true });
  const events: ResponseStreamEvent[] = [];
  const cuts = [1, 5, 2, 13, 7, 3, 20];
  for (let turn = 0; events.at(-1)?.type !== "response.completed"; turn++) {
    const after = events.at(-1)?.sequence_number;
    const query = { stream: true as const, ...(after !== undefined && { starting_after: after }) };
    let left = cuts[turn % cuts.length] as number;
    for await (const event of await client.responses.retrieve(id, query)) {
      events.push(event);
      if (--left === 0) break;
    }
  }
  expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, index) => index));
  expect(events).toEqual(await Array.fromAsync(await client.responses.retrieve(id, { stream: true })));
  const helper = client.responses.stream({ response_id: id, starting_after: 10 });
  expect((await helper.finalResponse()).output_text).toBe((await client.responses.retrieve(id)).output_text);
});

test("images and files by address and by data URL go to either API, and come back as they were", async () => {
  const { client, upstream } = scene;
  const image = "data:image/png;base64,iVBORw0KGgo=";
  const content = [
    { type: "input_text", text: "What is it?" },
    { type: "input_image", image_url: image, detail: "low" },
    { type: "input_image", image_url: "https://e.example/a.png", detail: "auto" },
    { type: "input_file", filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERg==" },
  ];
  const input = [{ role: "user", content }] as never;
  const { id } = await client.responses.create({ model: "m", input });
  const parts = upstream.calls[0]?.body.messages[0].content as { type: string; image_url?: object }[];
  expect(parts.slice(1, 3)).toEqual([
    { type: "image_url", image_url: { url: image, detail: "low" } },
    { type: "image_url", image_url: { url: "https://e.example/a.png", detail: "auto" } },
  ]);
  const { data } = await client.responses.inputItems.list(id);
  expect((data[0] as { content: unknown }).content).toEqual(content);
  upstream.answer = responds(
    [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "A cat" }] }],
    [],
  );
  await client.responses.create({ model: "thinker", input });
  const sent = upstream.calls[1]?.body.input[0].content;
  expect(sent.slice(0, 3)).toEqual(content.slice(0, 3));
});

test("the client of the major version before creates, streams, follows and deletes", async () => {
  const older = new OlderOpenAI({ baseURL: scene.baseURL, apiKey: scene.apiKey, maxRetries: 0 });
  const first = await older.responses.create({ model: "m", input: "a" });
  const stream = older.responses.stream({ model: "m", input: "b", previous_response_id: first.id });
  const types = new Set<string>();
  for await (const { type } of stream) types.add(type);
  const final = await stream.finalResponse();
  expect(first.output_text).toBe("Hello");
  expect(final.output).toMatchObject([{ content: [{ text: "Hello" }] }]);
  expect([final.previous_response_id, types.has("response.completed")]).toEqual([first.id, true]);
  expect((await older.responses.inputItems.list(final.id)).data).toHaveLength(1);
  await older.responses.delete(final.id);
  await expect(older.responses.retrieve(final.id)).rejects.toBeInstanceOf(OlderOpenAI.NotFoundError);
});
