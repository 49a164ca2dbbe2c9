// The list of a chat's messages: the same however the log is cut into pages, and never more than a part of it at once.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Message, MessageKind, MessageRole, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { ChatHistory } from "../../../src/frontends/aisdk/history.ts";
import type { Canonical } from "../../../src/services/in-process/in-process.ts";

interface Asked {
  readonly afterSeq: bigint;
  readonly pageToken: string;
}

/** A log that is read in pages of these sizes, one after the other, and again from the first. */
function logOf(entries: readonly Message[], sizes: readonly number[]): Canonical {
  let reads = 0;
  const call = async (_: unknown, { name }: { readonly name: string }, { afterSeq, pageToken }: Asked) => {
    if (name === "ListTurns") return { turns: [], nextPageToken: "" };
    const from = pageToken === "" ? Number(afterSeq) : Number(pageToken);
    const to = from + (sizes[reads++ % sizes.length] ?? 1);
    return { messages: entries.slice(from, to), nextPageToken: to < entries.length ? String(to) : "" };
  };
  return { call } as unknown as Canonical;
}

async function piecesOf(canonical: Canonical): Promise<string[]> {
  const pieces: string[] = [];
  const history = new ChatHistory({ canonical, context: {} as never, tls: false }, "c");
  for await (const piece of history) pieces.push(piece.toString());
  return pieces;
}

const SAYS = { kind: MessageKind.MESSAGE, content: "said" };
const ASKS = { kind: MessageKind.MESSAGE, role: MessageRole.USER, content: "asked", turnId: "" };
const THINKS = { kind: MessageKind.REASONING, content: "thought" };
const entry = (turnId: string, fields: object = SAYS) => ({ turnId, role: MessageRole.ASSISTANT, ...fields });
function numbered(drafts: readonly object[]): Message[] {
  return drafts.map((draft, i) => create(MessageSchema, { id: `m${i + 1}`, seq: BigInt(i + 1), ...draft }));
}

test("F-BACKLOG: pages of any size give the same list", async () => {
  const draft = fc.oneof(
    fc.constantFrom("t1", "t2", "t3").map((turn) => entry(turn)),
    fc.constantFrom(entry(""), entry("", THINKS), ASKS),
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.array(draft, { maxLength: 30 }), sizes, async (drafts, some) => {
      const entries = numbered(drafts);
      const [whole] = [await piecesOf(logOf(entries, [1_000]))];
      const cut = await piecesOf(logOf(entries, some));
      expect(JSON.parse(cut.join(""))).toEqual(JSON.parse(whole.join("")));
    }),
    { numRuns: 100 },
  );
});

const MIB = 1 << 20;
const LONG = "x".repeat(MIB);

test("F-BACKLOG: entries that belong to no turn are cut, but not between a call and its result", async () => {
  const part = (content: object) => ({ parts: [create(PartSchema, { content } as never)] });
  const called = (i: number) =>
    part({ case: "toolCall", value: { callId: `c${i}`, name: "look", arguments: JSON.stringify({ LONG }) } });
  const result = (i: number) =>
    part({ case: "toolResult", value: { callId: `c${i}`, output: { case: "text", value: "found" } } });
  const drafts = Array.from({ length: 30 }, (_, i) => [
    entry("", { kind: MessageKind.TOOL_CALL, ...called(i) }),
    entry("", { kind: MessageKind.TOOL_RESULT, ...result(i) }),
  ]).flat();
  const pieces = await piecesOf(logOf(numbered(drafts), [3]));
  for (const piece of pieces) expect(piece.length).toBeLessThan(16 * MIB);
  const messages = JSON.parse(pieces.join("")) as { parts: { type: string; state?: string }[] }[];
  const calls = messages.flatMap(({ parts }) => parts.filter(({ type }) => type === "tool-look"));
  expect(messages.length).toBeGreaterThan(1);
  expect(calls.map(({ state }) => state)).toEqual(Array.from({ length: 30 }, () => "output-available"));
});

test("F-BACKLOG: what others said while a turn went on is held by bytes too", async () => {
  const others = Array.from({ length: 40 }, () => ({ ...ASKS, content: LONG }));
  const drafts = [entry("t1"), ...others, entry("t1")];
  const pieces = await piecesOf(logOf(numbered(drafts), [3]));
  for (const piece of pieces) expect(piece.length).toBeLessThan(20 * MIB);
  expect(JSON.parse(pieces.join(""))).toHaveLength(42);
});
