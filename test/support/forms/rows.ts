// What other protocols put into messages, a row each: every item of OpenAI's Responses, every part of a UIMessage,
// every content of AG-UI and of A2A, in the words of their own clients.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { HOSTILE, ITEMS } from "../../dialects/openai/item-table.ts";

export type Form = "OpenAI item" | "UIMessage part" | "AG-UI message" | "A2A part";

/** `filled`: what its protocol adds to what was sent. */
export type FormRow = readonly [form: Form, name: string, value: JsonObject, filled?: JsonObject];

const tool = { type: "tool-weather", toolCallId: "c1" };
export const UI_PARTS: readonly (readonly [string, JsonObject])[] = [
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

const medium = (type: string, source: JsonObject, more: JsonObject = {}) => ({
  role: "user",
  content: [{ type, source, ...more }],
});
const AGUI_MESSAGES: readonly (readonly [string, JsonObject])[] = [
  ["a user's text", { role: "user", content: "hi" }],
  [
    "a user's parts",
    {
      role: "user",
      content: [
        { type: "text", text: "a" },
        { type: "text", text: "b", id: "p1" },
      ],
    },
  ],
  ["an image in place", medium("image", { type: "data", value: "AA==", mimeType: "image/png" })],
  ["an image by URL", medium("image", { type: "url", value: "https://a.b/c.png", mimeType: "image/png" })],
  ["audio", medium("audio", { type: "url", value: "https://a.b/c.mp3", mimeType: "audio/mpeg" })],
  ["video", medium("video", { type: "url", value: "https://a.b/c.mp4" }, { metadata: { seconds: 1.5 } })],
  ["a document", medium("document", { type: "data", value: "AA==", mimeType: "application/pdf" })],
  ["a provider's file", medium("document", { type: "file", value: "file-1", provider: "openai" })],
  ["an assistant's text", { role: "assistant", content: "hello" }],
  ["a system's text", { role: "system", content: "be brief" }],
  ["a developer's text", { role: "developer", content: "be briefer" }],
];

const A2A_PARTS: readonly (readonly [string, JsonObject])[] = [
  ["text", { text: "hi" }],
  ["text with metadata", { text: "hi", metadata: { lang: "en", deep: [{ a: null }] } }],
  ["raw", { raw: "AAEC", mediaType: "image/png", filename: "a.png" }],
  ["url", { url: "https://a.b/c.pdf", mediaType: "application/pdf", filename: "c.pdf" }],
  ["data, an object", { data: { city: "Rome", degrees: [1.5, null], nul: "\0" } }],
  ["data, a list", { data: [1, "two", { three: false }] }],
  ["data, null", { data: null as JsonValue }],
];

export const FORM_ROWS: readonly FormRow[] = [
  ...ITEMS.map(([name, item, filled = {}]) => ["OpenAI item", name, item, filled] as const),
  ...UI_PARTS.map(([name, part]) => ["UIMessage part", name, part] as const),
  ...AGUI_MESSAGES.map(([name, message]) => ["AG-UI message", name, message] as const),
  ...A2A_PARTS.map(([name, part]) => ["A2A part", name, part] as const),
];
