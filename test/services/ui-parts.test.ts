// Parts of AI SDK's UIMessages: in, stored, out again, equal. The table has a row for every part there is.
import { create, type JsonObject } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Message, MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { transportOver, type WireForm } from "../support/five-wires.ts";
import { fromUiParts, toUiParts } from "../support/forms/ui-parts.ts";
import { type IdentityServer, startIdentityServer } from "../support/identity-server.ts";

let server: IdentityServer;
let credential: Record<string, string>;
beforeAll(async () => {
  server = await startIdentityServer();
  credential = (await (await server.tenant()).key("read", "write")).credential;
});
afterAll(() => server.close());

/** What is read of a message that was sent over a wire. */
async function stored(message: Message, wire: WireForm): Promise<Message> {
  const transport = transportOver(wire, server.url, credential);
  const messages = createClient(MessageService, transport);
  const { conversation } = await createClient(ConversationService, transport).createConversation({});
  const sent = await messages.sendMessage({ conversationId: conversation?.id ?? "", message });
  return (await messages.getMessage({ messageId: sent.message?.id ?? "" })).message as Message;
}

/** What tools print, and what a JSON column would lose. */
const HOSTILE = "\0 \ud800 \udfff\ud800 ";

const tool = { type: "tool-weather", toolCallId: "c1" };
const UI_PARTS: readonly (readonly [string, JsonObject])[] = [
  ["text", { type: "text", text: "hi", state: "done", providerMetadata: { openai: { itemId: "msg_1" } } }],
  ["text without a state", { type: "text", text: "" }],
  [
    "reasoning",
    {
      type: "reasoning",
      id: "r1",
      text: "hm",
      state: "streaming",
      providerMetadata: { anthropic: { signature: "s" } },
    },
  ],
  ["file", { type: "file", mediaType: "image/png", filename: "a.png", url: "data:image/png;base64,AA==" }],
  ["reasoning-file", { type: "reasoning-file", mediaType: "image/png", url: "https://a.b" }],
  ["source-url", { type: "source-url", sourceId: "s1", url: "https://a.b", title: "T" }],
  [
    "source-document",
    { type: "source-document", sourceId: "s2", mediaType: "application/pdf", title: "T", filename: "a.pdf" },
  ],
  ["data-NAME", { type: "data-weather", id: "d1", data: { city: "Rome", degrees: [1.5, null] } }],
  ["custom", { type: "custom", kind: "openai.thing", providerMetadata: {} }],
  ["steering-message", { type: "steering-message", text: "not that way" }],
  ["step-start", { type: "step-start" }],
  ["a tool whose input comes", { ...tool, state: "input-streaming", input: { city: "Ro" } }],
  ["a tool that is called", { ...tool, state: "input-available", input: { city: "Rome" }, providerExecuted: true }],
  ["a tool that asks", { ...tool, state: "approval-requested", input: {}, approval: { id: "a1" } }],
  [
    "a tool that may",
    { ...tool, state: "approval-responded", input: {}, approval: { id: "a1", approved: true, isAutomatic: true } },
  ],
  [
    "a tool that may not",
    { ...tool, state: "output-denied", input: {}, approval: { id: "a1", approved: false, reason: "no" } },
  ],
  [
    "a tool that answered",
    { ...tool, state: "output-available", input: [], output: { t: 21.5, note: HOSTILE }, title: "Weather" },
  ],
  ["a tool that is not done", { ...tool, state: "output-available", input: {}, output: "so far", preliminary: true }],
  ["a tool that failed", { ...tool, state: "output-error", input: {}, errorText: "timeout\0", rawInput: "{" }],
  [
    "a dynamic tool",
    { type: "dynamic-tool", toolName: "any", toolCallId: "c2", state: "output-available", input: 1, output: null },
  ],
  ["a part of tomorrow", { type: "hologram", volume: 11 }],
];

describe("a part of a UIMessage", () => {
  test.each(UI_PARTS)("%s is stored and comes back equal", async (_, part) => {
    const message = create(MessageSchema, { parts: fromUiParts([part]) });
    for (const wire of ["Connect proto", "REST"] as const) {
      expect(toUiParts((await stored(message, wire)).parts)).toEqual([part]);
    }
  });

  test("is one of many, and they keep their order", async () => {
    const parts = UI_PARTS.map(([, part], index) =>
      "toolCallId" in part ? { ...part, toolCallId: `c${index}` } : part,
    ).filter((part) => part.approval === undefined);
    const read = await stored(create(MessageSchema, { parts: fromUiParts(parts) }), "gRPC-Web");
    expect(toUiParts(read.parts)).toEqual(parts);
  });
});
