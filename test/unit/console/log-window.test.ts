// The part of a log that the console holds, and the places of highlights.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  EMPTY,
  type LogWindow,
  MAX_MESSAGES,
  withEarlier,
  withLater,
  withMessages,
} from "../../../console/src/conversation/log/log-window.ts";
import { highlighted } from "../../../console/src/conversations/highlighted.ts";
import { countFilters, readListSearch, readPairs } from "../../../console/src/conversations/list-search.ts";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";

const message = (seq: number, content = "") => create(MessageSchema, { id: `m${seq}`, seq: BigInt(seq), content });
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
const seqs = ({ messages }: LogWindow) => messages.map(({ seq }) => Number(seq));

describe("the window on a log", () => {
  test("holds each message once, in the order of the log", () => {
    const window = withEarlier(withEarlier(EMPTY, range(4, 6).reverse(), true), range(2, 4).reverse(), false);
    expect(seqs(window)).toEqual([2, 3, 4, 5, 6]);
    expect(window).toMatchObject({ hasEarlier: false, hasLater: false });
  });

  test("lets go what is far away, and knows that it can be read again", () => {
    const full = withEarlier(EMPTY, range(1_001, 1_000 + MAX_MESSAGES), true);
    const earlier = withEarlier(full, range(951, 1_000), true);
    expect([seqs(earlier)[0], seqs(earlier).length, earlier.hasLater]).toEqual([951, MAX_MESSAGES, true]);
    const later = withLater(full, range(1_001 + MAX_MESSAGES, 1_050 + MAX_MESSAGES), false);
    expect([seqs(later)[0], seqs(later).length, later.hasEarlier]).toEqual([1_051, MAX_MESSAGES, true]);
  });

  test("takes a new message at its end, but not where others lie between", () => {
    const atEnd = withEarlier(EMPTY, range(1, 3), false);
    expect(seqs(withMessages(atEnd, [message(4)]))).toEqual([1, 2, 3, 4]);
    const above = withLater(EMPTY, range(1, 3), true);
    expect(seqs(withMessages(above, [message(9)]))).toEqual([1, 2, 3]);
    expect(withMessages(above, [message(2, "edited")]).messages[1]?.content).toBe("edited");
    const late = withEarlier(EMPTY, range(5, 7), true);
    expect(seqs(withMessages(late, [message(2), message(8), message(9)]))).toEqual([5, 6, 7, 8, 9]);
    expect(withMessages(late, [message(2)])).toBe(late);
  });
});

test("highlights count code points, may touch, overlap and come in any order", () => {
  const ranges = [
    { start: 4, length: 2 },
    { start: 0, length: 2 },
    { start: 1, length: 2 },
  ];
  expect(highlighted("😀a😀b😀c", ranges).map(({ piece, isMatch }) => [piece, isMatch])).toEqual([
    ["😀a", true],
    ["😀", true],
    ["b", false],
    ["😀c", true],
  ]);
});

test("an address with what nobody knows still opens", () => {
  expect(readListSearch({ q: "a", order: "sideways", status: "closed", owner: 5, pinned: "no", x: "y" })).toEqual({
    q: "a",
    status: "closed",
  });
});

test("filters of an address that cannot hold are neither applied nor counted", () => {
  const raw = { from: "2026-99-99T99:99", to: "soon", labels: "{", metadata: "a=b", owner: "ann" };
  expect(readListSearch(raw)).toEqual({ owner: "ann", metadata: "a=b" });
  expect(countFilters(readListSearch(raw))).toBe(2);
});

test.each([
  ["team=support, tier=gold", { team: "support", tier: "gold" }],
  ["url=a=b", { url: "a=b" }],
  ["empty=", { empty: "" }],
  ["", {}],
  ["team", undefined],
  ["=x", undefined],
])("%j as names and values", (text, pairs) => {
  expect(readPairs(text)).toEqual(pairs);
});
