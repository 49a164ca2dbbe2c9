// Reports about others' Responses: state, streams, loops of tools, reasoning items; tried on ours.
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  callsTools,
  chunk,
  finishChat,
  type ModelScene,
  responds,
  says,
  startModelScene,
} from "../dialects/openai/model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
  scene.upstream.answer = says("Hello");
});

const look = { type: "function", name: "look", parameters: { type: "object" }, strict: false } as const;
const output = (call_id: string, text: string) => ({ type: "function_call_output", call_id, output: text }) as const;
const rolesOf = (call: number) =>
  scene.upstream.calls[call]?.body.messages.map(({ role }: { role: string }) => role) as string[];

describe("F-RESPONSES state", () => {
  test("a response that follows an output of a tool has the call and the output too, however far back", async () => {
    const { client, upstream } = scene;
    upstream.answer = callsTools({ id: "call_1", name: "look", arguments: "{}" });
    const first = await client.responses.create({ model: "m", input: "Look", tools: [look] });
    upstream.answer = says("A cat");
    const second = await client.responses.create({
      model: "m",
      previous_response_id: first.id,
      input: [output("call_1", "cat")],
    });
    await client.responses.create({ model: "m", previous_response_id: second.id, input: "Sure?" });
    expect(rolesOf(2)).toEqual(["user", "assistant", "tool", "assistant", "user"]);
  });

  test("a response with an open call can be followed by words alone", async () => {
    const { client, upstream } = scene;
    upstream.answer = callsTools({ id: "call_1", name: "look", arguments: "{}" });
    const first = await client.responses.create({ model: "m", input: "Look", tools: [look] });
    upstream.answer = says("Fine");
    const second = await client.responses.create({ model: "m", previous_response_id: first.id, input: "Never mind" });
    expect(second.output_text).toBe("Fine");
    expect(rolesOf(1)).toContain("tool");
  });

  test("an output with an id of its own, as the client got it with the call, is taken", async () => {
    const { client, upstream } = scene;
    upstream.answer = callsTools({ id: "call_1", name: "look", arguments: "{}" });
    const first = await client.responses.create({ model: "m", input: "Look", tools: [look] });
    upstream.answer = says("A cat");
    const own = [{ ...output("call_1", "cat"), id: "call_1" }];
    expect(
      (await client.responses.create({ model: "m", previous_response_id: first.id, input: own })).output_text,
    ).toBe("A cat");
  });

  test("outputs that are sent once more change nothing for the model", async () => {
    const { client, upstream } = scene;
    upstream.answer = callsTools({ id: "call_1", name: "look", arguments: "{}" });
    const first = await client.responses.create({ model: "m", input: "Look", tools: [look] });
    upstream.answer = says("A cat");
    const second = await client.responses.create({
      model: "m",
      previous_response_id: first.id,
      input: [output("call_1", "cat")],
    });
    const again = [output("call_1", "cat"), { role: "user" as const, content: "And?" }];
    await client.responses.create({ model: "m", previous_response_id: second.id, input: again });
    expect(rolesOf(2).filter((role) => role === "tool")).toHaveLength(1);
  });

  test("a streamed response can be retrieved as any other", async () => {
    const { client } = scene;
    const stream = client.responses.stream({ model: "m", input: "Hi" });
    const { id } = await stream.finalResponse();
    expect(await client.responses.retrieve(id)).toMatchObject({ id, status: "completed", output_text: "Hello" });
  });

  test("a previous response that is unknown is refused, never left out in silence", async () => {
    const { client, upstream } = scene;
    const unknown = client.responses.create({ model: "m", input: "x", previous_response_id: `resp_${"0".repeat(32)}` });
    await expect(unknown).rejects.toMatchObject({ status: 400, code: "previous_response_not_found" });
    expect(upstream.calls).toEqual([]);
  });

  test("a second response in a busy conversation waits, and both are there", async () => {
    const { client } = scene;
    const conversation = (await client.conversations.create()).id;
    const ask = (input: string) => client.responses.create({ model: "m", input, conversation });
    const both = await Promise.all([ask("wine"), ask("cheese")]);
    expect(both.map(({ status }) => status)).toEqual(["completed", "completed"]);
    expect((await client.conversations.items.list(conversation)).data).toHaveLength(4);
  });

  test("tools that the request names survive a chain: each request says its own", async () => {
    const { client, upstream } = scene;
    const first = await client.responses.create({ model: "m", input: "x", tools: [look] });
    await client.responses.create({ model: "m", input: "y", previous_response_id: first.id });
    expect(upstream.calls.map(({ body }) => body.tools?.length ?? 0)).toEqual([1, 0]);
  });
});

describe("F-RESPONSES streams", () => {
  const read = async (input: object) => {
    const body = { model: "m", input: "x", ...input, stream: true as const };
    return Array.fromAsync<ResponseStreamEvent>(await scene.client.responses.create(body));
  };

  test("every item is announced before its events, ends in its order, and is in the last event as it ended", async () => {
    scene.upstream.answer = (response) => {
      chunk(response, { reasoning_content: "hm" });
      chunk(response, { content: "Let me look." });
      callsTools({ id: "c1", name: "look", arguments: "{}" }, { id: "c2", name: "look", arguments: "{}" })(response);
    };
    const events = await read({ tools: [look] });
    let open: { id: string; index: number } | undefined;
    const ended: object[] = [];
    for (const event of events) {
      if (event.type === "response.output_item.added") {
        expect(open).toBeUndefined();
        open = { id: event.item.id as string, index: event.output_index };
        expect(event.output_index).toBe(ended.length);
      } else if (event.type === "response.output_item.done") {
        expect([event.item.id, event.output_index]).toEqual([open?.id, open?.index]);
        open = undefined;
        ended.push(event.item);
      } else if ("item_id" in event) {
        expect([event.item_id, (event as { output_index: number }).output_index]).toEqual([open?.id, open?.index]);
        if (event.type.startsWith("response.content_part") || event.type.startsWith("response.output_text")) {
          expect(event).toHaveProperty("content_index", 0);
        }
      }
    }
    const last = events.at(-1) as Extract<ResponseStreamEvent, { type: "response.completed" }>;
    expect(last.response.output).toEqual(ended);
    expect(ended.map((item) => (item as { type: string }).type)).toEqual([
      "reasoning",
      "message",
      "function_call",
      "function_call",
    ]);
  });

  test("an endpoint that gives an item another id in each event is told of under one id", async () => {
    const delta = (item_id: string, text: string) => ({
      type: "response.output_text.delta",
      output_index: 0,
      content_index: 0,
      item_id,
      delta: text,
    });
    const item = (id: string) => ({
      id,
      type: "message",
      role: "assistant",
      content: [{ type: "output_text", text: "ab" }],
    });
    scene.upstream.answer = responds(
      [item("m9")],
      [
        { type: "response.output_item.added", output_index: 0, item: { ...item("m1"), content: [] } },
        delta("m2", "a"),
        delta("m3", "b"),
        { type: "response.output_item.done", output_index: 0, item: item("m4") },
      ],
    );
    const events = await read({ model: "thinker" });
    const ids = events.flatMap((event) => ("item_id" in event ? [event.item_id] : []));
    expect(new Set(ids).size).toBe(1);
    expect(events.at(-1)).toMatchObject({ response: { output: [{ id: ids[0], content: [{ text: "ab" }] }] } });
  });

  test("a response that ended long ago is streamed once more", async () => {
    const { client, dialect } = scene;
    const { id } = await client.responses.create({ model: "m", input: "x", background: true });
    await Array.fromAsync(await client.responses.retrieve(id, { stream: true }));
    const text =
      "update turn set create_time = create_time - interval '60 days', end_time = end_time - interval '60 days' where tenant_id = $1";
    await dialect.server.database.query({ name: "test_old_turns", text }, [dialect.tenant.id]);
    const events = await Array.fromAsync(await client.responses.retrieve(id, { stream: true, starting_after: 1 }));
    expect([events[0]?.sequence_number, events.at(-1)?.type]).toEqual([2, "response.completed"]);
  });

  test("a caller that goes away at a call of a function finds it stored, and its output is taken", async () => {
    const { client, upstream } = scene;
    const conversation = (await client.conversations.create()).id;
    const gate = Promise.withResolvers<void>();
    upstream.answer = async (response) => {
      chunk(response, { content: "Well" });
      await gate.promise;
      callsTools({ id: "call_1", name: "look", arguments: "{}" })(response);
    };
    const stream = await client.responses.create({ model: "m", input: "x", stream: true, conversation, tools: [look] });
    let id = "";
    for await (const event of stream) {
      if (event.type === "response.created") id = event.response.id;
      if (event.type === "response.output_text.delta") break;
    }
    gate.resolve();
    await Array.fromAsync(await client.responses.retrieve(id, { stream: true }));
    upstream.answer = says("A cat");
    const next = await client.responses.create({ model: "m", conversation, input: [output("call_1", "cat")] });
    expect(next.output_text).toBe("A cat");
  });

  test("F-USAGE (Kilo-Org/cloud#4964, charmbracelet/fantasy#331, vercel/ai#21154): usage is in the last event alone, with all its details, writes of the cache too", async () => {
    const events = await read({});
    const usages = events.flatMap((event) => ("response" in event ? [event.response.usage] : []));
    expect(usages).toEqual([
      null,
      null,
      expect.objectContaining({ input_tokens_details: { cached_tokens: 3, cache_write_tokens: 4 } }),
    ]);
  });
});

describe("F-RESPONSES reasoning", () => {
  const reasoning = { id: "rs_9", type: "reasoning", summary: [], encrypted_content: "gAAA" };

  test("of a client that keeps its own state goes on with its encrypted content, although nothing is stored", async () => {
    const { client, upstream } = scene;
    upstream.answer = responds(
      [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "ok" }] }],
      [],
    );
    const call = { type: "function_call", call_id: "c", name: "look", arguments: "{}" };
    const input = [{ role: "user", content: "x" }, reasoning, call, output("c", "cat")] as never;
    await client.responses.create({ model: "thinker", store: false, include: ["reasoning.encrypted_content"], input });
    expect(upstream.calls[0]?.body.input.slice(1)).toEqual([reasoning, call, output("c", "cat")]);
    expect(upstream.calls[0]?.body).toMatchObject({ store: false, include: ["reasoning.encrypted_content"] });
  });

  test("without what followed it is not told to the model, which would refuse it", async () => {
    const { client, upstream } = scene;
    upstream.answer = responds(
      [{ type: "message", role: "assistant", content: [{ type: "output_text", text: "ok" }] }],
      [],
    );
    const input = [{ role: "user", content: "x" }, reasoning, { role: "user", content: "y" }] as never;
    await client.responses.create({ model: "thinker", input });
    expect(upstream.calls[0]?.body.input.map(({ type }: { type: string }) => type)).toEqual(["message", "message"]);
  });

  test("that used up all tokens is incomplete, not an error, and keeps what was thought", async () => {
    const { client, upstream } = scene;
    upstream.answer = (response) => {
      chunk(response, { reasoning_content: "hm hm" });
      finishChat(response, "length");
    };
    const response = await client.responses.create({ model: "m", input: "x", max_output_tokens: 16 });
    expect(response).toMatchObject({ status: "incomplete", incomplete_details: { reason: "max_output_tokens" } });
    expect(response.output.map(({ type }) => type)).toEqual(["reasoning"]);
  });
});
