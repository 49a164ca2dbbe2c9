// Items of OpenAI's Responses: in, stored, out again, equal. The table has a row for every type there is.
import type { JsonObject } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Message, MessageKind } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { transportOver, type WireForm } from "../support/calls/five-wires.ts";
import { fromItem, toItem } from "../support/forms/openai-items.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

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

const { MESSAGE, REASONING, TOOL_CALL, TOOL_RESULT, APPROVAL_REQUEST, APPROVAL_RESPONSE, ITEM, SUMMARY } = MessageKind;

/** What tools print, and what a JSON column would lose. */
const HOSTILE = "\0 \ud800 \udfff\ud800 ";

const ITEMS: readonly (readonly [MessageKind, JsonObject, content?: string])[] = [
  [
    MESSAGE,
    { type: "message", id: "msg_1", status: "completed", role: "user", content: [{ type: "input_text", text: "hi" }] },
    "hi",
  ],
  [MESSAGE, { role: "user", content: "a text, no list" }, "a text, no list"],
  [MESSAGE, { type: "message", role: "assistant", content: [], phase: null }],
  [
    MESSAGE,
    {
      type: "message",
      role: "assistant",
      content: [
        {
          type: "output_text",
          text: "see 1",
          annotations: [
            { type: "url_citation", start_index: 4, end_index: 5, url: "https://a.b", title: "T" },
            {
              type: "container_file_citation",
              container_id: "c",
              file_id: "f",
              filename: "n",
              start_index: 0,
              end_index: 1,
            },
            { type: "file_citation", file_id: "f", filename: "n", index: 3 },
            { type: "file_path", file_id: "f", index: 0 },
          ],
          logprobs: [{ token: "see", logprob: -0.1, bytes: [115], top_logprobs: [] }],
        },
        { type: "refusal", refusal: "no" },
      ],
    },
    "see 1",
  ],
  [
    MESSAGE,
    {
      type: "message",
      role: "developer",
      content: [
        { type: "input_image", image_url: "data:image/png;base64,AA==", detail: "auto" },
        { type: "input_image", file_id: "file-1", detail: "low", image_url: null },
        { type: "input_file", file_url: "https://a.b/c.pdf", filename: "c.pdf" },
        { type: "input_file", file_data: "data:application/pdf;base64,AA==", filename: "d.pdf" },
        { type: "input_file", file_id: "file-2", file_url: "https://a.b" },
        { type: "computer_screenshot", file_id: null, image_url: "https://a.b/s.png" },
        { type: "summary_text", text: "s" },
        { type: "reasoning_text", text: "r" },
        { type: "input_video", of: "tomorrow", text: 1 },
        { type: "text", text: HOSTILE },
        "not even an object",
      ],
    },
  ],
  [
    TOOL_CALL,
    {
      type: "function_call",
      id: "fc_1",
      call_id: "call_1",
      name: "look",
      arguments: '{"a": 1.0}\n',
      status: "completed",
    },
  ],
  [TOOL_CALL, { type: "function_call", call_id: "c", name: "n", arguments: HOSTILE, namespace: null }],
  [TOOL_RESULT, { type: "function_call_output", call_id: "call_1", output: `printed ${HOSTILE}` }],
  [TOOL_RESULT, { type: "function_call_output", call_id: "call_1", output: "printed \0" }],
  [
    TOOL_RESULT,
    {
      type: "function_call_output",
      call_id: "call_1",
      output: [
        { type: "input_text", text: HOSTILE },
        { type: "input_image", image_url: "https://a.b" },
      ],
    },
  ],
  [TOOL_CALL, { type: "custom_tool_call", call_id: "call_2", name: "sh", input: "ls -l" }],
  [TOOL_RESULT, { type: "custom_tool_call_output", call_id: "call_2", output: "" }],
  [REASONING, { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAAA==" }],
  [
    REASONING,
    {
      type: "reasoning",
      id: "rs_2",
      summary: [
        { type: "summary_text", text: "a" },
        { type: "summary_text", text: "b" },
      ],
      content: [{ type: "reasoning_text", text: "t" }],
      encrypted_content: null,
      status: null,
    },
  ],
  [REASONING, { type: "reasoning", id: "rs_3", summary: [{ type: "summary_text", text: "a", more: 1 }], content: [] }],
  [
    TOOL_CALL,
    {
      type: "web_search_call",
      id: "ws_1",
      status: "completed",
      action: { type: "search", query: "q", queries: ["q"], sources: [] },
    },
  ],
  [TOOL_CALL, { type: "file_search_call", id: "fs_1", status: "completed", queries: ["q"], results: null }],
  [
    TOOL_CALL,
    {
      type: "computer_call",
      id: "cu_1",
      call_id: "c",
      action: { type: "click", x: 1, y: 2, button: "left" },
      pending_safety_checks: [],
      status: "completed",
    },
  ],
  [
    TOOL_RESULT,
    {
      type: "computer_call_output",
      call_id: "c",
      output: { type: "computer_screenshot", image_url: "https://a.b" },
      acknowledged_safety_checks: [],
    },
  ],
  [TOOL_CALL, { type: "image_generation_call", id: "ig_1", status: "completed", result: "iVBORw0KGgo=" }],
  [
    TOOL_CALL,
    {
      type: "code_interpreter_call",
      id: "ci_1",
      code: "print('\\0')",
      container_id: "cntr",
      outputs: [{ type: "logs", logs: HOSTILE }],
      status: "completed",
    },
  ],
  [
    TOOL_CALL,
    {
      type: "local_shell_call",
      id: "lsh",
      call_id: "c",
      action: { type: "exec", command: ["ls"], env: {} },
      status: "completed",
    },
  ],
  [TOOL_RESULT, { type: "local_shell_call_output", id: "c", output: '{"stdout":"\\u0000"}' }],
  [
    TOOL_CALL,
    { type: "shell_call", call_id: "c", action: { commands: ["ls"], timeout_ms: null }, status: "completed" },
  ],
  [
    TOOL_RESULT,
    {
      type: "shell_call_output",
      call_id: "c",
      output: [{ stdout: HOSTILE, stderr: "", outcome: { type: "exit", exit_code: 0 } }],
      max_output_length: null,
    },
  ],
  [
    TOOL_CALL,
    {
      type: "apply_patch_call",
      call_id: "c",
      operation: { type: "update_file", path: "a", diff: "@@" },
      status: "completed",
    },
  ],
  [TOOL_RESULT, { type: "apply_patch_call_output", call_id: "c", status: "completed", output: null }],
  [
    ITEM,
    {
      type: "mcp_list_tools",
      id: "mcpl_1",
      server_label: "s",
      tools: [{ name: "t", input_schema: { type: "object" } }],
    },
  ],
  [APPROVAL_REQUEST, { type: "mcp_approval_request", id: "mcpr_1", server_label: "s", name: "t", arguments: "{}" }],
  [APPROVAL_RESPONSE, { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: false, reason: "no" }],
  [APPROVAL_RESPONSE, { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true, reason: null }],
  [
    TOOL_CALL,
    { type: "mcp_call", id: "mcp_1", server_label: "s", name: "t", arguments: "{}", output: "o", error: null },
  ],
  [
    TOOL_CALL,
    { type: "tool_search_call", call_id: null, arguments: { q: [1, 2] }, execution: "server", status: "completed" },
  ],
  [TOOL_RESULT, { type: "tool_search_output", call_id: null, tools: [], execution: "server", status: "completed" }],
  [ITEM, { type: "additional_tools", role: "developer", tools: [{ type: "function", name: "f" }] }],
  [ITEM, { type: "configuration_update", changes: { reasoning: { effort: "low" } } }],
  [ITEM, { type: "program", id: "prg_1", code: "x = 1", fingerprint: "f" }],
  [ITEM, { type: "program_output", program_id: "prg_1", result: HOSTILE }],
  [SUMMARY, { type: "compaction", id: "cmp_1", encrypted_content: "gAAAA==" }],
  // These two never come back from OpenAI, which stores neither; no type is refused here.
  [ITEM, { type: "item_reference", id: "msg_1" }],
  [ITEM, { type: "compaction_trigger" }],
  [ITEM, { type: "a_type_of_tomorrow", big: 1e300, deep: [[[[{ "": null }]]]], "\0": "\ud800" }],
];

describe("an item of OpenAI's Responses", () => {
  test.each(ITEMS.map(([kind, item, content]) => [String(item.type ?? "message"), kind, item, content] as const))(
    "%s is an entry of its kind, and comes back equal",
    async (_, kind, item, content = "") => {
      const message = fromItem(item);
      for (const wire of ["Connect JSON", "gRPC"] as const) {
        const read = await stored(message, wire);
        expect([read.kind, toItem(read)]).toEqual([kind, item]);
        if (kind === MESSAGE && content !== "") expect(read.content).toBe(content);
      }
    },
  );
});
