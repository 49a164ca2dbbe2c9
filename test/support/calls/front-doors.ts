// Where front ends and the OpenAI dialect are sent JSON: at each place a call that is answered alike, and a body around
// any value.

export interface Door {
  readonly path: string;
  /** Says the same whenever it is asked; `marked` stands in the answer. */
  readonly call: object;
  readonly marked: string;
  /** A body with one value where clients' own words, files or JSON stand. */
  readonly around: (json: string) => string;
}

const TEXT = "zwei — ü 🙂";
export const DOORS: Readonly<Record<string, Door>> = {
  "AI SDK": {
    path: "/api/chat",
    call: { id: "x", messages: [{ id: "1", role: TEXT, parts: [] }] },
    marked: "role",
    around: (json) => `{"id":"a","trigger":"submit-message","messages":[{"id":"1","role":"user","parts":[${json}]}]}`,
  },
  "AI SDK's metadata": {
    path: "/api/chat",
    call: { id: "x", messages: [{ id: "1", role: "user", parts: [{ type: "text" }] }] },
    marked: "text",
    around: (json) =>
      `{"id":"a","messages":[{"id":"1","role":"user","metadata":${json},"parts":[{"type":"text","text":"a"}]}],"b":${json}}`,
  },
  "AG-UI": {
    path: "/agui/default",
    call: { threadId: "t", messages: [{ id: "1", role: "user", content: TEXT }], tools: [], context: [] },
    marked: "runId",
    around: (json) =>
      `{"threadId":"t","runId":"r","messages":[{"id":"1","role":"user","content":${json}}],"tools":[],"context":[]}`,
  },
  "AG-UI's messages": {
    path: "/agui/default",
    call: { threadId: "t", messages: [{ id: "1", role: "user", content: TEXT }], tools: [], context: [] },
    marked: "runId",
    around: (json) => `{"threadId":"t","runId":"r","tools":[],"messages":${json},"context":[]}`,
  },
  "AI SDK's parts": {
    path: "/api/chat",
    call: { id: "x", messages: [{ id: "1", role: TEXT, parts: [] }] },
    marked: "role",
    around: (json) => `{"id":"a","messages":[{"id":"1","role":"user","parts":${json}}]}`,
  },
  "AG-UI's state": {
    path: "/agui/default",
    call: { threadId: "t", messages: [], tools: [], context: [], state: { text: TEXT } },
    marked: "runId",
    around: (json) =>
      `{"threadId":"t","runId":"r","messages":[],"tools":[],"context":[],"state":${json},"forwardedProps":${json}}`,
  },
  A2A: {
    path: "/a2a",
    call: { jsonrpc: "2.0", id: TEXT, method: "GetTask", params: { id: "00000000-0000-7000-8000-000000000000" } },
    marked: TEXT,
    around: (json) =>
      `{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"messageId":"1","role":"ROLE_USER","parts":[${json}]}}}`,
  },
  MCP: {
    path: "/mcp",
    call: { jsonrpc: "2.0", id: TEXT, method: "tools/call", params: { name: "no_such_tool", arguments: {} } },
    marked: TEXT,
    around: (json) =>
      `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search_messages","arguments":{"query":${json}}}}`,
  },
  "OpenAI's responses": {
    path: "/openai/v1/responses",
    call: { model: TEXT, input: "a" },
    marked: "model",
    around: (json) => `{"model":"default","input":[${json}],"metadata":{"a":"b"}}`,
  },
  "OpenAI's conversations": {
    path: "/openai/v1/conversations",
    call: { metadata: { a: 1 }, items: [{ type: "message", role: "user", content: TEXT }] },
    marked: "metadata",
    around: (json) => `{"metadata":{"a":"b"},"items":[{"type":"message","role":"user","content":${json}}]}`,
  },
};
