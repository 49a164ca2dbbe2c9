// Reports about others' Responses that a limit or a filter cut, tried on ours.
import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chunk, finishChat, type ModelScene, responds, startModelScene } from "../dialects/openai/model-scene.ts";

let scene: ModelScene;
beforeAll(async () => {
  scene = await startModelScene();
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
});

const half = { type: "message", role: "assistant", content: [{ type: "output_text", text: "Half" }] };

/** Ends a stream of Responses with one event, and nothing before it. */
const endsWith = (type: string, response: object) => (answer: ServerResponse) => {
  answer.writeHead(200, { "content-type": "text/event-stream" });
  answer.end(`data: ${JSON.stringify({ type, response })}\n\n`);
};

describe("F-RESPONSES-CUT: a response", () => {
  test.each([
    ["whose last event alone says so", "response.incomplete", { output: [half] }],
    ["whose last event says that it is completed", "response.completed", { status: "incomplete", output: [half] }],
  ])("%s is incomplete, has what was said, and was never completed", async (_, type, response) => {
    const { client, upstream } = scene;
    upstream.answer = endsWith(type, response);
    const cut = await client.responses.create({ model: "thinker", input: "x" });
    expect(cut).toMatchObject({
      status: "incomplete",
      incomplete_details: { reason: "max_output_tokens" },
      completed_at: null,
      output: [{ type: "message", status: "incomplete", content: [{ text: "Half" }] }],
    });
  });

  test("that thought only is the same streamed and not: its thoughts, incomplete", async () => {
    const { client, upstream } = scene;
    upstream.answer = (response) => {
      chunk(response, { reasoning_content: "hm" });
      finishChat(response, "length");
    };
    const items = [
      expect.objectContaining({
        id: expect.stringMatching(/^rs_/),
        type: "reasoning",
        status: "incomplete",
        summary: [],
        content: [{ type: "reasoning_text", text: "hm" }],
      }),
    ];
    expect((await client.responses.create({ model: "m", input: "x" })).output).toEqual(items);
    const events = await Array.fromAsync(await client.responses.create({ model: "m", input: "x", stream: true }));
    expect(events.at(-1)).toMatchObject({ type: "response.incomplete", response: { output: items } });
  });

  test("is sent back as input without the status of its thoughts and calls, which a model's endpoint refuses", async () => {
    const { client, upstream } = scene;
    upstream.answer = responds([{ ...half, id: "msg_1" }], []);
    const thought = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "sealed" };
    const call = { type: "function_call", call_id: "c", name: "look", arguments: "{}" };
    const result = { type: "function_call_output", call_id: "c", output: "cat" };
    const cut = (item: object) => ({ ...item, status: "incomplete" });
    const input = [{ role: "user", content: "x" }, cut(thought), cut(call), result] as never;
    await client.responses.create({ model: "thinker", input });
    expect(upstream.calls[0]?.body.input.slice(1)).toEqual([thought, call, result]);
  });
});
