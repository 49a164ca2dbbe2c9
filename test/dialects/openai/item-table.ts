// Items of every type that OpenAI's client knows, each with what its clients expect back besides.
import type { JsonObject } from "@bufbuild/protobuf";

/** What tools print, and what a JSON column would lose. */
export const HOSTILE = "\0 \ud800 \udfff\ud800 ";

const done = { status: "completed" };
const said = (text: string) => ({ type: "output_text", text, annotations: [], logprobs: [] });

export const ITEMS: readonly (readonly [name: string, item: JsonObject, filled?: JsonObject])[] = [
  [
    "a message in its whole form",
    { type: "message", id: "msg_1", status: "completed", role: "user", content: [{ type: "input_text", text: "hi" }] },
  ],
  ["a text of a user", { role: "user", content: "hi" }, { ...done, content: [{ type: "input_text", text: "hi" }] }],
  ["an empty text", { role: "user", content: "" }, { ...done, content: [{ type: "input_text", text: "" }] }],
  ["a text of an assistant", { role: "assistant", content: "hi" }, { ...done, content: [said("hi")] }],
  ["a text with NUL", { role: "user", content: "a\0b" }, { ...done, content: [{ type: "input_text", text: "a\0b" }] }],
  ["a hostile text", { role: "assistant", content: HOSTILE }, { ...done, content: [said(HOSTILE)] }],
  ["a system's text", { role: "system", content: "s" }, { ...done, content: [{ type: "input_text", text: "s" }] }],
  ["a message without content", { type: "message", role: "assistant", content: [], phase: null }, done],
  ["a message without anything", { type: "message", role: "user", content: [] }, done],
  [
    "a message with null for a status and an id",
    { type: "message", role: "user", content: [], status: "in_progress", phase: "commentary" },
  ],
  [
    "an assistant's message with everything",
    {
      type: "message",
      role: "assistant",
      content: [
        {
          type: "output_text",
          text: "see 1",
          annotations: [{ type: "url_citation", start_index: 4, end_index: 5, url: "https://a.b", title: "T" }],
          logprobs: [{ token: "see", logprob: -0.1, bytes: [115], top_logprobs: [] }],
        },
        { type: "output_text", text: "bare", annotations: [] },
        { type: "refusal", refusal: "no" },
        { type: "refusal", refusal: HOSTILE, code: 1 },
      ],
    },
    done,
  ],
  [
    "a developer's message of every content",
    {
      type: "message",
      role: "developer",
      content: [
        { type: "input_image", image_url: "data:image/png;base64,AA==", detail: "auto" },
        { type: "input_image", file_id: "file-1", detail: "low", image_url: null },
        { type: "input_file", file_url: "https://a.b/c.pdf", filename: "c.pdf" },
        { type: "input_file", file_data: "data:application/pdf;base64,AA==", filename: "d.pdf" },
        { type: "input_file", file_id: "file-2", file_url: "https://a.b" },
        { type: "computer_screenshot", file_id: null, image_url: "https://a.b/s.png", detail: "high" },
        { type: "summary_text", text: "s" },
        { type: "reasoning_text", text: "r" },
        { type: "input_video", of: "tomorrow", text: 1 },
        { type: "text", text: HOSTILE },
        { type: "input_text", text: "cached", prompt_cache_breakpoint: { mode: "explicit" } },
      ],
    },
    done,
  ],
  [
    "function_call",
    { type: "function_call", id: "fc_1", call_id: "call_1", name: "look", arguments: '{"a": 1.0}\n' },
    done,
  ],
  [
    "a hostile function_call",
    { type: "function_call", call_id: "c", name: "n", arguments: HOSTILE, namespace: null },
    done,
  ],
  [
    "an unfinished function_call",
    { type: "function_call", call_id: "c", name: "n", arguments: "", status: "incomplete" },
  ],
  ["function_call_output", { type: "function_call_output", call_id: "call_1", output: `printed ${HOSTILE}` }, done],
  ["a function_call_output with NUL", { type: "function_call_output", call_id: "call_1", output: "printed \0" }, done],
  ["a function_call_output of JSON text", { type: "function_call_output", call_id: "call_1", output: "[1]" }, done],
  [
    "a function_call_output of parts",
    {
      type: "function_call_output",
      call_id: "call_1",
      output: [
        { type: "input_text", text: HOSTILE },
        { type: "input_image", image_url: "https://a.b" },
      ],
    },
    done,
  ],
  ["an empty function_call_output", { type: "function_call_output", call_id: "call_1", output: [] }, done],
  ["custom_tool_call", { type: "custom_tool_call", call_id: "call_2", name: "sh", input: "ls -l" }],
  ["custom_tool_call_output", { type: "custom_tool_call_output", call_id: "call_2", output: "" }],
  ["reasoning", { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAAA==" }],
  [
    "a reasoning with everything",
    {
      type: "reasoning",
      summary: [
        { type: "summary_text", text: "a" },
        { type: "summary_text", text: "b" },
      ],
      content: [{ type: "reasoning_text", text: "t" }],
      encrypted_content: null,
      status: "completed",
    },
  ],
  ["an odd reasoning", { type: "reasoning", summary: [{ type: "summary_text", text: HOSTILE, more: 1 }], content: [] }],
  [
    "web_search_call",
    { type: "web_search_call", ...done, action: { type: "search", query: "q", queries: ["q"], sources: [] } },
  ],
  ["file_search_call", { type: "file_search_call", ...done, queries: ["q"], results: null }],
  [
    "computer_call",
    {
      type: "computer_call",
      call_id: "c",
      action: { type: "click", x: 1, y: 2, button: "left" },
      pending_safety_checks: [],
      ...done,
    },
  ],
  [
    "computer_call_output",
    {
      type: "computer_call_output",
      call_id: "c",
      output: { type: "computer_screenshot", image_url: "https://a.b" },
      acknowledged_safety_checks: [],
    },
    done,
  ],
  ["image_generation_call", { type: "image_generation_call", ...done, result: "iVBORw0KGgo=" }],
  [
    "code_interpreter_call",
    {
      type: "code_interpreter_call",
      code: "print('\\0')",
      container_id: "cntr",
      outputs: [{ type: "logs", logs: HOSTILE }],
      ...done,
    },
  ],
  [
    "local_shell_call",
    { type: "local_shell_call", call_id: "c", action: { type: "exec", command: ["ls"], env: {} }, ...done },
  ],
  ["local_shell_call_output", { type: "local_shell_call_output", id: "c", output: '{"stdout":"\\u0000"}' }],
  [
    "shell_call",
    { type: "shell_call", call_id: "c", action: { commands: ["ls"], timeout_ms: null } },
    { ...done, environment: null },
  ],
  [
    "shell_call_output",
    {
      type: "shell_call_output",
      call_id: "c",
      output: [{ stdout: HOSTILE, stderr: "", outcome: { type: "exit", exit_code: 0 } }],
    },
    { ...done, max_output_length: null },
  ],
  [
    "apply_patch_call",
    { type: "apply_patch_call", call_id: "c", operation: { type: "update_file", path: "a", diff: "@@" }, ...done },
  ],
  ["apply_patch_call_output", { type: "apply_patch_call_output", call_id: "c", ...done, output: null }],
  [
    "mcp_list_tools",
    { type: "mcp_list_tools", server_label: "s", tools: [{ name: "t", input_schema: { type: "object" } }] },
  ],
  [
    "mcp_approval_request",
    { type: "mcp_approval_request", id: "mcpr_1", server_label: "s", name: "t", arguments: "{}" },
  ],
  [
    "mcp_approval_response",
    { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: false, reason: "no" },
  ],
  ["a bare mcp_approval_response", { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true }],
  [
    "a null mcp_approval_response",
    { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true, reason: null },
  ],
  ["mcp_call", { type: "mcp_call", server_label: "s", name: "t", arguments: "{}", output: "o", error: null }],
  [
    "tool_search_call",
    { type: "tool_search_call", arguments: { q: [1, 2] }, execution: "server" },
    { ...done, call_id: null },
  ],
  ["tool_search_output", { type: "tool_search_output", tools: [], execution: "server" }, { ...done, call_id: null }],
  ["additional_tools", { type: "additional_tools", role: "developer", tools: [{ type: "function", name: "f" }] }],
  ["configuration_update", { type: "configuration_update", changes: { reasoning: { effort: "low" } } }],
  ["program", { type: "program", code: "x = 1", fingerprint: "f" }],
  ["program_output", { type: "program_output", program_id: "prg_1", result: HOSTILE }],
  ["compaction", { type: "compaction", encrypted_content: "gAAAA==" }],
  ["a type that nobody knows", { type: "a_type_of_tomorrow", big: 1e300, deep: [[[[{ "": null }]]]], "\0": "\ud800" }],
];
