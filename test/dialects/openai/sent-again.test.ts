// What is sent again with its id, or under its key: it is stored once, and runs anew only where the first attempt failed.
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

describe("an item of a response whose id is in the conversation", () => {
  const ways: Record<string, object> = {
    blocking: {},
    streaming: { stream: true },
    background: { background: true },
    unstored: { store: false },
  };
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
