// Which failed turns the console's log shows, and beneath which message.
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { placedFailures } from "../../../console/src/conversation/turn/turn-failures.ts";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { TurnSchema, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";

const entry = (id: string, turnId = "") => create(MessageSchema, { id, turnId });
const failed = (id: string, messageId: string, state: TurnState = TurnState.FAILED) =>
  create(TurnSchema, { id, messageId, state });
const placesOf = (...given: Parameters<typeof placedFailures>) =>
  [...placedFailures(...given)].map(([messageId, turn]) => `${turn.id} below ${messageId}`);

describe("the failed turns of a log", () => {
  test.each([
    ["below the message that it answers", [entry("m1"), entry("m2")], [failed("t1", "m1")], ["t1 below m1"]],
    [
      "below what it wrote before it failed",
      [entry("m1"), entry("r1", "t1"), entry("r2", "t1"), entry("m2")],
      [failed("t1", "m1")],
      ["t1 below r2"],
    ],
    [
      "the latest alone, where several failed",
      [entry("m1")],
      [failed("t2", "m1"), failed("t1", "m1")],
      ["t2 below m1"],
    ],
    ["none, where another turn has replied since", [entry("m1"), entry("r1", "t2")], [failed("t1", "m1")], []],
    ["none, where the message is not on the page", [entry("m2")], [failed("t1", "m1")], []],
    ["none of those that were stopped", [entry("m1")], [failed("t1", "m1", TurnState.CANCELLED)], []],
  ])("%s", (_, messages, turns, places) => {
    expect(placesOf(turns, messages, undefined)).toEqual(places);
  });

  test("none of a message that is being answered again", () => {
    expect(placesOf([failed("t1", "m1")], [entry("m1")], failed("t2", "m1", TurnState.RUNNING))).toEqual([]);
  });
});
