// Where read marks are shown.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { placedReaders } from "../../../console/src/conversation/read-marks.ts";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";

const messages = [3n, 4n, 7n].map((seq) => create(MessageSchema, { id: String(seq), seq }));
const marks = [2n, 4n, 6n, 9n].map((readSeq) => ({ memberId: `to-${readSeq}`, readSeq }));

test("F-CONSOLE-3: a mark at an entry that is no message counts for the message before it", () => {
  expect(placedReaders(marks, { messages, hasLater: false })).toEqual(
    new Map([
      [4n, ["to-4", "to-6"]],
      [7n, ["to-9"]],
    ]),
  );
});

test("F-CONSOLE-3: a mark beyond what is on the page is not shown at its end", () => {
  expect(placedReaders(marks, { messages, hasLater: true }).get(7n)).toBeUndefined();
  expect(placedReaders(marks, { messages: [], hasLater: false }).size).toBe(0);
});

test("the reader's own mark is not shown", () => {
  expect(placedReaders(marks, { messages, hasLater: false, ownId: "to-4" }).get(4n)).toEqual(["to-6"]);
});
