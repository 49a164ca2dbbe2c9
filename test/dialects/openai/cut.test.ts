// What a limit or a filter cut: its last item says so, however it is read.
import type { ServerResponse } from "node:http";
import type { ResponseCompletedEvent } from "openai/resources/responses/responses";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chunk, finishChat, type ModelScene, responds, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());

const tools = [{ type: "function", name: "look", parameters: { type: "object" }, strict: false }] as const;
const spoken = { type: "message", id: "msg_1", status: "completed", content: [{ type: "output_text", text: "Half" }] };
const thought = { type: "reasoning", id: "rs_1", status: "completed", summary: [], encrypted_content: "sealed" };
const whole = { type: "response.output_item.done", output_index: 0 };

/** Ends Chat Completions after some deltas. */
const chats =
  (why: string, ...deltas: object[]) =>
  (response: ServerResponse) => {
    for (const delta of deltas) chunk(response, delta);
    finishChat(response, why);
  };
const called = { tool_calls: [{ index: 0, id: "call_1", function: { name: "look", arguments: '{"at' } }] };

test.each<[what: string, model: string, answer: (response: ServerResponse) => void, items: [string, string?][]]>([
  ["a message", "m", chats("length", { content: "Half" }), [["message", "incomplete"]]],
  ["a message that a filter cut", "m", chats("content_filter", { content: "Half" }), [["message", "incomplete"]]],
  [
    "a call",
    "m",
    chats("length", { content: "So" }, called),
    [
      ["message", "completed"],
      ["function_call", "incomplete"],
    ],
  ],
  ["thoughts", "m", chats("length", { reasoning_content: "hm" }), [["reasoning", "incomplete"]]],
  [
    "a message after thoughts",
    "m",
    chats("length", { reasoning_content: "hm" }, { content: "Half" }),
    [["reasoning"], ["message", "incomplete"]],
  ],
  ["a message of Responses", "thinker", responds([spoken], [], "incomplete"), [["message", "incomplete"]]],
  [
    "thoughts of Responses that their endpoint calls completed",
    "thinker",
    responds([thought], [{ ...whole, item: thought }], "incomplete"),
    [["reasoning", "incomplete"]],
  ],
  ["a message that is whole", "m", chats("stop", { content: "Whole" }), [["message", "completed"]]],
])("%s: the last item says that it was cut, streamed, retrieved and listed", async (_, model, answer, items) => {
  const { client, upstream } = scene;
  upstream.answer = answer;
  const facts = (output: readonly { type: string; status?: unknown }[]) =>
    output.map(({ type, status }) => (status === undefined ? [type] : [type, status]));
  const blocking = await client.responses.create({ model, input: "x", tools: [...tools] });
  expect(facts(blocking.output)).toEqual(items);

  const conversation = (await client.conversations.create()).id;
  const body = { model, input: "x", tools: [...tools], conversation, stream: true as const };
  const events = await Array.fromAsync(await client.responses.create(body));
  const told = events.flatMap((event) => (event.type === "response.output_item.done" ? [event.item] : []));
  expect(facts(told)).toEqual(items);
  const { response } = events.at(-1) as ResponseCompletedEvent;
  expect(response.output).toEqual(told);
  expect((await client.responses.retrieve(response.id)).output).toEqual(told);
  const listed = await client.conversations.items.list(conversation, { order: "asc" });
  expect(listed.data.slice(1, 1 + told.length)).toEqual(told);
});
