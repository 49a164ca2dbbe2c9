// A reply on the page while it is written.
import { create } from "@bufbuild/protobuf";
import { expect, test, vi } from "vitest";
import { blocksOf } from "../../../console/src/conversation/message/text-blocks.ts";
import { advanced, type RunningTurn } from "../../../console/src/conversation/turn/drafts.ts";
import { TurnSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import { type ResumeTurnResponse, ResumeTurnResponseSchema } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { createRandom } from "../../fault/stage/random.ts";

const begun: RunningTurn = { turn: create(TurnSchema), drafts: [] };
const event = (given: object) => create(ResumeTurnResponseSchema, { event: given } as never).event;
const started = event({ case: "entryStarted", value: { index: 0 } });
const delta = (offset: number, value: string): ResumeTurnResponse["event"] =>
  event({ case: "entryDelta", value: { index: 0, offset: BigInt(offset), piece: { case: "text", value } } });
const textOf = (...deltas: ResumeTurnResponse["event"][]) =>
  [started, ...deltas].reduce(advanced, begun).drafts[0]?.text;

test("pieces follow each other by code points, and what is sent again changes nothing", () => {
  expect(textOf(delta(0, "a😀"), delta(2, "b"))).toBe("a😀b");
  expect(textOf(delta(0, "a😀"), delta(2, "b"), delta(1, "😀b"), delta(3, "c"))).toBe("a😀bc");
});

test("a long reply in many pieces is taken apart once", () => {
  const takenApart = vi.spyOn(Array, "from");
  try {
    let state = advanced(begun, started);
    for (let piece = 0; piece < 100; piece++) state = advanced(state, delta(piece * 10, "ten signs "));
    const lengths = takenApart.mock.calls.map(([text]) => (text as string).length);
    expect(lengths).toEqual(new Array(100).fill(10));
    expect(state.drafts[0]?.text).toBe("ten signs ".repeat(100));
  } finally {
    takenApart.mockRestore();
  }
});

test.each([
  ["paragraphs", "one\n\ntwo\nlines\n\nthree", ["one\n\n", "two\nlines\n\n", "three"]],
  ["code with blank lines", "```js\na\n\nb\n```\n\nend", ["```js\na\n\nb\n```\n\n", "end"]],
  ["code that is not closed yet", "a\n\n~~~\nb\n\nc", ["a\n\n", "~~~\nb\n\nc"]],
  ["nothing", "", []],
])("%s in blocks", (_, source, blocks) => {
  expect(blocksOf(source)).toEqual(blocks);
  expect(blocksOf(source).join("")).toBe(source);
});

test("what was cut off stays as it is while a reply grows, wherever its pieces end", () => {
  const lines = ["a\n", "\n", " \n", "```\n", "```js\n", "~~~~\n", "> b\n", "- c\n", "    d\n", "\r\n"];
  const random = createRandom(1);
  for (let round = 0; round < 50; round++) {
    const source = Array.from({ length: 20 }, () => random.pick(lines)).join("");
    const whole = blocksOf(source);
    expect(whole.join("")).toBe(source);
    for (let end = 0; end < source.length; end++) {
      const done = blocksOf(source.slice(0, end)).slice(0, -1);
      expect(done).toEqual(whole.slice(0, done.length));
    }
  }
});
