// What is counted of a message, as the store writes it.
import { expect, test } from "vitest";
import { readTally } from "../../../src/domain/reactions/tally.ts";

const count = (reaction: string, count: number, mine = false) => ({
  $typeName: "colloquy.v1.ReactionCount",
  reaction,
  count,
  mine,
});

test("a tally has the replies, the time of the last, and the kinds with those of the caller marked", () => {
  expect(readTally('12,1764000000123,👍 *️⃣,[["👍", 3], [":a+1:", 1], ["*️⃣", 1]]')).toEqual({
    replyCount: 12,
    lastReplyTime: 1764000000123,
    reactions: [count("👍", 3, true), count(":a+1:", 1), count("*️⃣", 1, true)],
  });
  expect(readTally('0,,,[["👍", 3]]')).toEqual({
    replyCount: 0,
    lastReplyTime: undefined,
    reactions: [count("👍", 3)],
  });
  expect(readTally("1,1764000000123,,[]").reactions).toEqual([]);
});

test("what was read before is not taken for a tally that differs in a count, a kind or what is the caller's own", () => {
  const texts = Array.from({ length: 6_000 }, (_, n) => {
    const name = `:k${n % 7}:`;
    const mine = n % 2 === 1;
    const reactions = [count(name, n % 3_000, mine), ...(n % 5 === 0 ? [count(":z:", 1)] : [])];
    const json = JSON.stringify(reactions.map((one) => [one.reaction, one.count]));
    return { text: `${n},,${mine ? name : ""},${json}`, tally: { replyCount: n, lastReplyTime: undefined, reactions } };
  });
  for (let round = 0; round < 2; round++) for (const { text, tally } of texts) expect(readTally(text)).toEqual(tally);
});
