// What the console says of the parts of a turn's entries: who allowed what, what a tool gave, and what failed.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { partInWords } from "../../../console/src/turns/part-words.ts";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";

type Content = NonNullable<MessageInitShape<typeof PartSchema>["content"]>;

const TOOLS: Readonly<Record<string, string>> = { "call-1": "forecast", "approval-1": "forecast" };

test.each<[string, Content, string]>([
  ["a request", { case: "approvalRequest", value: { callId: "call-1" } }, "Asks for approval of the tool forecast"],
  [
    "a request with a reason",
    { case: "approvalRequest", value: { callId: "other", reason: "it writes" } },
    "Asks for approval: it writes",
  ],
  [
    "an approval",
    { case: "approvalResponse", value: { approvalId: "approval-1", granted: true } },
    "Approved of the tool forecast",
  ],
  [
    "a denial",
    { case: "approvalResponse", value: { approvalId: "approval-1", granted: false, reason: "not today" } },
    "Denied of the tool forecast: not today",
  ],
  [
    "a result",
    { case: "toolResult", value: { callId: "call-1", output: { case: "json", value: '{"c":3}' } } },
    'Tool result: forecast\n{"c":3}',
  ],
  ["a result without output", { case: "toolResult", value: { callId: "call-1" } }, "Tool result: forecast\nNo output"],
  [
    "a result of a failure",
    { case: "toolResult", value: { callId: "call-1", isError: true, output: { case: "text", value: "status 500" } } },
    "Tool result: forecast: failed\nstatus 500",
  ],
  [
    "parts of a result",
    {
      case: "toolResult",
      value: {
        callId: "other",
        output: { case: "parts", value: { parts: [{ content: { case: "text", value: { text: "3 °C" } } }] } },
      },
    },
    "Tool result\n3 °C",
  ],
  ["a call", { case: "toolCall", value: { name: "forecast", arguments: "{}" } }, "forecast {}"],
  ["a refusal", { case: "refusal", value: { text: "I may not" } }, "Refused: I may not"],
  ["data", { case: "data", value: { name: "state", json: "{}" } }, "Data: state\n{}"],
  ["a file", { case: "file", value: { name: "map.png" } }, "File: map.png"],
  [
    "a source",
    { case: "source", value: { origin: { case: "url", value: "https://a.example" } } },
    "Source: https://a.example",
  ],
])("%s", (_, content, expected) => {
  expect(partInWords(create(PartSchema, { content }), (id) => TOOLS[id])).toBe(expected);
});
