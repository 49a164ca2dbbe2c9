import { expect, test } from "vitest";
import { Unmixed } from "../../../src/agents/connectors/openai/responses/unmixed.ts";

const MIB = 1024 * 1024;

function announce(unmixed: Unmixed, index: number) {
  unmixed.take("response.output_item.added", { output_index: index, item: { type: "message" } });
}

function say(unmixed: Unmixed, index: number, length: number) {
  return unmixed.take("response.output_text.delta", { output_index: index, delta: "x".repeat(length) });
}

test("what is held of messages by turns is bounded at a time, not over the whole reply", () => {
  const unmixed = new Unmixed();
  for (let index = 0; index <= 8; index++) announce(unmixed, index);
  for (let index = 0; index < 8; index++) {
    expect(say(unmixed, index + 1, MIB)).toEqual([]);
    const taken = unmixed.take("response.output_item.done", { output_index: index });
    expect(taken.map(([type]) => type)).toEqual([
      "response.output_item.done",
      "response.output_item.added",
      "response.output_text.delta",
    ]);
  }
  for (let index = 9; index <= 12; index++) announce(unmixed, index);
  for (let index = 9; index <= 11; index++) say(unmixed, index, MIB);
  expect(() => say(unmixed, 12, MIB)).toThrow("the agent sent too much of messages by turns");
});
