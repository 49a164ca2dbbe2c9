// What other stores of messages lost, tried here: tool calls, reasoning, attachments, JSON. Each test names the
// reports.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Message, MessageKind, MessageRole, MessageSchema } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { transportOver } from "../support/calls/five-wires.ts";
import { fromItem, toItem } from "../support/forms/openai-items.ts";
import { fromUiParts, toUiParts } from "../support/forms/ui-parts.ts";
import { ALL_KINDS } from "../support/random/random-parts.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let conversations: ReturnType<typeof createClient<typeof ConversationService>>;
let messages: ReturnType<typeof createClient<typeof MessageService>>;
beforeAll(async () => {
  server = await startIdentityServer();
  const { credential } = await (await server.tenant()).key("read", "write");
  const transport = transportOver("Connect JSON", server.url, credential);
  conversations = createClient(ConversationService, transport);
  messages = createClient(MessageService, transport);
});
afterAll(() => server.close());

/** What a client that opens the conversation later finds in it. */
async function reopened(...drafts: MessageInitShape<typeof MessageSchema>[]): Promise<Message[]> {
  const { conversation } = await conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  for (const draft of drafts) {
    await messages.sendMessage({ conversationId, message: create(MessageSchema, draft as Message) });
  }
  return (await messages.listMessages({ conversationId, kinds: ALL_KINDS })).messages;
}

const items = (...all: Parameters<typeof fromItem>[0][]) =>
  reopened(...all.map(fromItem)).then((read) => read.map(toItem));

test("F-PARTS: a reloaded history holds the calls, their arguments and their results, in their order", async () => {
  // nearai/ironclaw#568, nixopus/nixopus#1345, structureclaw/structureclaw#261, memrynote/memry#1144,
  // PaulKinlan/Co-do#78
  const turn = [
    { role: "user", content: "Deploy it" },
    { type: "function_call", call_id: "c1", name: "deploy", arguments: '{"to":"prod"}' },
    { type: "function_call", call_id: "c2", name: "check", arguments: "{}" },
    { type: "function_call_output", call_id: "c2", output: "fine" },
    { type: "function_call_output", call_id: "c1", output: "done" },
    { type: "message", role: "assistant", content: [{ type: "output_text", text: "It runs." }] },
  ];
  expect(await items(...turn)).toEqual(turn);
});

test("F-PARTS: a call whose arguments are no JSON keeps them, and its failed result", async () => {
  // tercumantanumut/selene#221
  const turn = [
    { type: "function_call", call_id: "c1", name: "write", arguments: '{"path": "a' },
    { type: "function_call_output", call_id: "c1", output: "the arguments are cut", is_error: true },
  ];
  expect(await items(...turn)).toEqual(turn);
});

test("F-PARTS: reasoning is kept with its id and its encrypted state, next to what it belongs to, empty or not", async () => {
  // openai/openai-agents-js#929, openai/openai-agents-python#3268, #1709, #919, omnigent-ai/omnigent#5066
  const turn = [
    { type: "reasoning", summary: [] },
    { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAAAABo+/=" },
    { type: "function_call", id: "fc_1", call_id: "c1", name: "f", arguments: "" },
  ];
  expect(await items(...turn)).toEqual(turn);
});

test("F-PARTS: U+0000 in what a tool printed is stored, as a character and as an escape", async () => {
  // Autumn-27/ARTEX#112, SciPhi-AI/R2R#1264, kestra-io/kestra#10653, magda-io/magda#3161
  const turn = [
    { type: "function_call_output", call_id: "c", output: "ELF\0\0\u0001" },
    { type: "shell_call_output", call_id: "c", output: [{ stdout: "\0", stderr: "\\u0000" }] },
  ];
  expect(await items(...turn)).toEqual(turn);
});

test("F-PARTS: a number beyond 2^53 in arguments, and 20000.0, are the text that the model wrote", async () => {
  // earendil-works/pi#8943, unslothai/unsloth#10023, langchain4j/langchain4j#5755, duolahypercho/codex-router#178
  const written = '{"id": 2512292042121000001, "timeout_ms": 20000.0, "ratio": 1234567890.1234567891}';
  const call = { type: "function_call", call_id: "c1", name: "query", arguments: written };
  expect(await items(call)).toEqual([call]);
  const json = { content: { case: "data", value: { name: "row", json: written } } } as const;
  const [read] = await reopened({ parts: [json] });
  expect(read?.parts[0]?.content.value).toMatchObject({ json: written });
});

test("F-PARTS: attachments are there when a conversation is resumed, and after an edit of the text", async () => {
  // Chainlit/chainlit#2806, #2584, decocms/studio#117, danny-avila/LibreChat#2345
  const parts = fromUiParts([
    { type: "text", text: "What is this?" },
    { type: "file", mediaType: "image/png", filename: "a.png", url: "https://files.example/a.png" },
  ]);
  const [sent] = await reopened({ parts });
  expect(sent?.parts.map(({ content }) => content.case)).toEqual(["text", "file"]);
  const { message } = await messages.updateMessage({ messageId: sent?.id ?? "", message: { content: "And this?" } });
  expect(toUiParts(message?.parts ?? [])).toEqual([
    { type: "text", text: "And this?" },
    { type: "file", mediaType: "image/png", filename: "a.png", url: "https://files.example/a.png" },
  ]);
});

test("F-PARTS: states, steps and metadata of providers come back with the parts, and fields that nobody knows", async () => {
  // vercel-labs/ai-sdk-persistence-db#6, miurla/morphic#580, assistant-ui/assistant-ui#7224, vercel/ai#14492,
  // vercel/ai#2993
  const parts = [
    { type: "step-start" },
    { type: "reasoning", text: "hm", state: "done", providerMetadata: { anthropic: { signature: "c2ln" } } },
    {
      type: "tool-look",
      toolCallId: "c1",
      state: "output-available",
      input: {},
      output: [],
      status: { type: "complete" },
    },
    { type: "text", text: "So.", state: "done", metadata: { planId: 7 } },
  ];
  const [read] = await reopened({ role: MessageRole.ASSISTANT, parts: fromUiParts(parts) });
  expect(toUiParts(read?.parts ?? [])).toEqual(parts);
  expect(read?.kind).toBe(MessageKind.MESSAGE);
});
