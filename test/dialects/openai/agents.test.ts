// OpenAI's agents package on a server of ours: runs with tools, a session that is a conversation, streams.
import { randomBytes } from "node:crypto";
import { Agent, OpenAIConversationsSession, OpenAIProvider, Runner, tool } from "@openai/agents";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { callsTools, type ModelScene, responds, says, startModelScene } from "./model-scene.ts";

let scene: ModelScene;
let runner: Runner;
beforeAll(async () => {
  scene = await startModelScene();
  const modelProvider = new OpenAIProvider({ openAIClient: scene.client as never, useResponses: true });
  runner = new Runner({ modelProvider, tracingDisabled: true });
});
afterAll(() => scene.close());
beforeEach(() => {
  scene.upstream.calls.length = 0;
  scene.upstream.answer = (response, { body }, index) => {
    const last = body.messages.at(-1);
    if (last.role === "tool") return says(`It is ${last.content}.`)(response);
    return callsTools({ id: `call_${index}`, name: "weather", arguments: '{"city":"Oslo"}' })(response);
  };
});

const weather = tool({
  name: "weather",
  description: "The weather in a city",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `sunny in ${city}`,
});
const agent = new Agent({ name: "Helper", instructions: "Be brief", model: "m", tools: [weather] });

test("a run with a tool ends with what the model says of its result", async () => {
  const { finalOutput, rawResponses } = await runner.run(agent, "Weather in Oslo?");
  expect(finalOutput).toBe("It is sunny in Oslo.");
  expect(rawResponses).toHaveLength(2);
  expect(rawResponses[1]?.usage.inputTokens).toBe(11);
});

test("runs in a conversation, and after a response, know what was said before", async () => {
  const { id: conversationId } = await scene.client.conversations.create();
  await runner.run(agent, "Weather in Oslo?", { conversationId });
  scene.upstream.answer = says("You asked for Oslo.");
  const next = await runner.run(agent, "What did I ask for?", { conversationId });
  expect(next.finalOutput).toBe("You asked for Oslo.");
  expect(scene.upstream.calls.at(-1)?.body.messages.map(({ role }: { role: string }) => role)).toEqual([
    "system",
    "user",
    "assistant",
    "tool",
    "assistant",
    "user",
  ]);
  const after = await runner.run(agent, "Once more", { previousResponseId: next.lastResponseId as string });
  expect(after.finalOutput).toBe("You asked for Oslo.");
  expect(scene.upstream.calls.at(-1)?.body.messages).toHaveLength(8);
});

test("a session is a conversation: its items are saved, read back, and told to the model", async () => {
  const session = new OpenAIConversationsSession({ client: scene.client as never });
  await runner.run(agent, "Weather in Oslo?", { session });
  const types = (await session.getItems()).map((item) => item.type);
  expect(types).toEqual(["message", "function_call", "function_call_result", "message"]);
  scene.upstream.answer = says("Oslo.");
  expect((await runner.run(agent, "Where?", { session })).finalOutput).toBe("Oslo.");
  expect(scene.upstream.calls.at(-1)?.body.messages).toHaveLength(6);
});

test("a session whose pictures are shown by the URL of their content gives the model their bytes", async () => {
  const session = new OpenAIConversationsSession({ client: scene.client as never });
  const bytes = Buffer.concat([Buffer.from("ffd8ffe000104a46494600010100000100010000", "hex"), randomBytes(2_000)]);
  const file = await OpenAI.toFile(bytes, "a.jpg");
  const { id } = await scene.client.files.create({ purpose: "vision", file });
  const [, ...groups] = /^file-(.{8})(.{4})(.{4})(.{4})(.{12})$/.exec(id) ?? [];
  const image = `${scene.dialect.server.url}/v1/files/${groups.join("-")}/content`;
  scene.upstream.answer = says("I see.");
  const looker = new Agent({ name: "Looker", model: "m" });
  await session.addItems([{ role: "user", content: [{ type: "input_image", image }] }]);
  expect(await session.getItems()).toMatchObject([{ content: [{ type: "input_image", image }] }]);
  await runner.run(looker, "What is it?", { session });
  const url = `data:image/jpeg;base64,${bytes.toString("base64")}`;
  expect(JSON.stringify(scene.upstream.calls.at(-1)?.body).split(url)).toHaveLength(2);
});

test("a session keeps the thoughts of a Responses model, and gives them back in their places", async () => {
  const session = new OpenAIConversationsSession({ client: scene.client as never });
  const thinker = new Agent({ name: "Thinker", model: "thinker", tools: [weather] });
  const reasoning = { id: "rs_1", type: "reasoning", summary: [], encrypted_content: "sealed" };
  const call = { id: "fc_1", type: "function_call", call_id: "call_w", name: "weather", arguments: '{"city":"Oslo"}' };
  const said = { id: "msg_1", type: "message", role: "assistant", content: [{ type: "output_text", text: "Sunny" }] };
  scene.upstream.answer = (response, _, index) => responds(index === 0 ? [reasoning, call] : [said], [])(response);
  expect((await runner.run(thinker, "Weather in Oslo?", { session })).finalOutput).toBe("Sunny");
  const sent = scene.upstream.calls[1]?.body.input as { type: string; id?: string; encrypted_content?: string }[];
  expect(sent.map(({ type }) => type)).toEqual(["message", "reasoning", "function_call", "function_call_output"]);
  expect(sent[1]).toMatchObject({ encrypted_content: "sealed" });
});

test("a streamed run tells its words and its items as they come", async () => {
  const stream = await runner.run(agent, "Weather in Oslo?", { stream: true });
  const items: string[] = [];
  let text = "";
  for await (const event of stream) {
    if (event.type === "run_item_stream_event") items.push(event.name);
    if (event.type === "raw_model_stream_event" && event.data.type === "output_text_delta") text += event.data.delta;
  }
  await stream.completed;
  expect(items).toEqual(["tool_called", "tool_output", "message_output_created"]);
  expect([text, stream.finalOutput]).toEqual(["It is sunny in Oslo.", "It is sunny in Oslo."]);
});
