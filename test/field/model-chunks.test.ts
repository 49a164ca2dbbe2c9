// A reply says the same however its bytes arrive.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AgentFailure } from "../../src/agents/connectors/connector.ts";
import { ChatReply } from "../../src/agents/connectors/openai/chat/reply.ts";
import { readBody } from "../../src/agents/connectors/openai/read-body.ts";

const say = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content }, finish_reason: null }] })}`;
const END = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}';

/** Bodies as lines; an empty one ends an event. */
const BODIES: Readonly<Record<string, readonly string[]>> = {
  plain: [say("Grüße, "), "", say("👩‍🚀 日本\r\n"), "", END, "", "data: [DONE]", ""],
  "comments, ids, other events": [": hi", "", "id: 1", "event: x", "retry: 5", say("a"), "", ":", "data", "", END, ""],
  "several lines of data": [
    'data: {"choices":[{"delta":',
    'data:  {"content":"ä"},',
    'data: "finish_reason":"stop"}]}',
    "",
  ],
  "an error after words": [say("half"), "", 'data: {"error":{"code":500}}', "", say("no more"), ""],
  "llama.cpp's error": [say("half"), "", 'error: {"code":400,"message":"x"}', "", "data: [DONE]", ""],
  "no end": [say("half"), "", say("of it")],
  "no line end after the last": [say("all"), "", "data: [DONE]"],
  "a document": ['{"choices":[{"message":{"content":"ganz\\nü"},', '"finish_reason":"length"}]}'],
  "no reply": ["data: {what", ""],
};

async function heard(chunks: readonly Uint8Array[]) {
  const pieces = readBody(
    (async function* () {
      yield* chunks;
    })(),
    new ChatReply(),
    new AbortController().signal,
  );
  let text = "";
  try {
    for (;;) {
      const next = await pieces.next();
      if (next.done) return { text, finish: next.value };
      if (next.value.kind === "text") text += next.value.text;
    }
  } catch (error) {
    return { text, failure: (error as AgentFailure).message };
  }
}

describe("F-ENDING: split at any byte, with any line ends", () => {
  test.each(Object.entries(BODIES))("%s", async (_, lines) => {
    const whole = await heard([Buffer.from(lines.join("\n"))]);
    const ends = fc.constantFrom("\n", "\r", "\r\n");
    await fc.assert(
      fc.asyncProperty(ends, fc.boolean(), fc.array(fc.nat(400), { maxLength: 40 }), async (end, mark, cuts) => {
        const bytes = Buffer.from((mark ? "\ufeff" : "") + lines.join(end));
        const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((one, two) => one - two);
        const chunks = [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
        expect(await heard(chunks)).toEqual(whole);
      }),
      { numRuns: 60 },
    );
    // One byte at a time.
    expect(await heard([...Buffer.from(lines.join("\r\n"))].map((byte) => Uint8Array.of(byte)))).toEqual(whole);
  });
});
