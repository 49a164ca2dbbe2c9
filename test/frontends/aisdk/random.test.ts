// Random replies: what the clients make of the stream, of a stream that is read again, and what the history says are
// the same.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Any,
  type ChatServer,
  chatOf,
  historyOf,
  post,
  says,
  startChats,
  thought,
  VERSIONS,
} from "../../support/fronts/ai-sdk.ts";

let server: ChatServer;
beforeAll(async () => {
  server = await startChats();
});
afterAll(() => server.close());

const words = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.constantFrom("", " ", "\n\n", "data: x\n\n", "[DONE]", "\u0000", "\u2028", "🏳️‍🌈", '"\\', "e\u0301"),
);
const json = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    "null",
    '""',
    "[]",
    '{"__proto__": {"a": 1}}',
    "1e400",
    '{"constructor": {"prototype": 1}, "a": {"\\\\u005f_proto__": 2}}',
    '"\\u0000"',
    "-0.0",
  ),
);
const part = (content: object) => ({ piece: { case: "part", value: { content } } });

/** Pieces that stand for themselves; a number is put into the ids. */
const groups: fc.Arbitrary<(id: string) => object[]> = fc.oneof(
  fc.array(words, { minLength: 1, maxLength: 4 }).map((texts) => () => texts.map((text) => ({ text }))),
  fc.array(words, { minLength: 1, maxLength: 3 }).map((texts) => () => texts.map(thought)),
  fc
    .record({
      args: fc.oneof(json, words),
      output: json,
      fails: fc.boolean(),
      early: fc.boolean(),
      title: fc.option(words),
    })
    .map((call) => (id: string) => {
      const { args, output, fails, early, title } = call;
      const half = Math.floor(args.length / 2);
      const toolCall = { callId: id, name: `tool-${id}`, ...(title !== null && { title }) };
      const result = (value: object) => part({ case: "toolResult", value: { callId: id, ...value } });
      return [
        { piece: { case: "toolCall", value: toolCall } },
        { piece: { case: "arguments", value: { callId: id, text: args.slice(0, half) } } },
        { piece: { case: "arguments", value: { callId: id, text: args.slice(half) } } },
        ...(early ? [result({ preliminary: true, output: { case: "json", value: '"soon"' } })] : []),
        fails
          ? result({ isError: true, output: { case: "text", value: `no: ${output}` } })
          : result({ output: { case: "json", value: output } }),
      ];
    }),
  fc.record({ name: words, json, again: fc.boolean() }).map(({ name, json: value, again }) => (id: string) => {
    const one = part({ case: "data", value: { name, dataId: id, json: value } });
    return again ? [one, part({ case: "data", value: { name, dataId: id, json: '"again"' } })] : [one];
  }),
  words.map((title) => (id: string) => [
    part({ case: "source", value: { sourceId: id, title, origin: { case: "url", value: "https://a.example" } } }),
    part({
      case: "source",
      value: { title, origin: { case: "document", value: { mediaType: "text/plain", filename: title } } },
    }),
  ]),
  words.map((text) => () => [part({ case: "refusal", value: { text } }), part({ case: "text", value: { text } })]),
  fc.constant(() => [
    part({
      case: "file",
      value: { mediaType: "image/png", source: { case: "url", value: "https://a.example/a.png" } },
    }),
  ]),
  fc.constant(() => [{ piece: { case: "step", value: {} } }]),
);

describe.each(VERSIONS)("version %i", (version) => {
  test("a reply of any pieces", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(groups, { minLength: 1, maxLength: 6 }), async (made) => {
        server.script.length = 0;
        server.script.push(says(...(made.map((group, index) => group(`c${index}`)) as Any)));
        const chat = chatOf(server, version);
        await chat.sendMessage({ text: "Hi" });
        expect(chat.error).toBeUndefined();
        expect(await historyOf(server, chat.id)).toEqual(chat.messages);
        const again = await post(server, { id: chat.id, messages: chat.messages.slice(0, 1) });
        expect(again.status).toBe(200);
        const replayed = chatOf(server, version, {
          id: chat.id,
          messages: chat.messages.slice(0, 1),
          fetch: async () => new Response(again.text, { headers: { "content-type": "text/event-stream" } }),
        });
        await replayed.resumeStream();
        expect(replayed.messages).toEqual(chat.messages);
      }),
      { numRuns: 40, seed: 18 },
    );
  }, 120_000);
});
