// A history within a number of tokens.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fixedBytes, withinBudget } from "../../../src/agents/connectors/history/budget.ts";
import { type Entry, itemsOf } from "../../../src/agents/connectors/history/items.ts";
import { historyOf } from "../../../src/agents/connectors/openai/chat/history.ts";
import { assistant, call, result, system, user } from "../../support/entries.ts";

/** What is left, each message by its text or its calls. */
function told(entries: readonly Entry[], maxTokens: number, fixed = 0): string[] {
  return historyOf("", [...withinBudget(itemsOf(entries), maxTokens, fixed)]).map(
    ({ content, tool_calls: calls }) => calls?.map(({ id }) => id).join() ?? String(content).slice(0, 2),
  );
}

const long = (mark: string) => mark + "x".repeat(400 - mark.length);

describe("a history of more tokens than it may have", () => {
  const turns = [user(long("u1")), assistant(long("a1")), user(long("u2")), assistant(long("a2")), user(long("u3"))];

  test("is left alone without a limit, or within it", () => {
    expect(told(turns, 0)).toEqual(["u1", "a1", "u2", "a2", "u3"]);
    expect(told(turns, 1000)).toEqual(["u1", "a1", "u2", "a2", "u3"]);
  });

  test("loses whole turns, the oldest first", () => {
    expect(told(turns, 400)).toEqual(["u2", "a2", "u3"]);
    expect(told(turns, 250)).toEqual(["u3"]);
  });

  test("keeps system messages, and what is replied to, whatever they take", () => {
    expect(told([system(long("s1")), ...turns], 350)).toEqual(["s1", "u3"]);
    expect(told(turns, 1)).toEqual(["u3"]);
  });

  test("counts instructions and tools", () => {
    const tool = {
      name: "f",
      description: "d".repeat(600),
      inputSchemaJson: "",
      place: "client",
      needsApproval: false,
    } as const;
    expect(told(turns, 550, fixedBytes("", []))).toEqual(["u1", "a1", "u2", "a2", "u3"]);
    expect(told(turns, 550, fixedBytes("i".repeat(100), [tool]))).toEqual(["u2", "a2", "u3"]);
  });

  test("loses the oldest steps of a running turn that is too long alone, each call with its result", () => {
    const steps = ["a", "b", "c"].flatMap((id) => [call(id), result(id, long(id))]);
    expect(told([user(long("u1")), assistant(long("a1")), user("u2"), ...steps], 250)).toEqual([
      "u2",
      "b",
      "bx",
      "c",
      "cx",
    ]);
    expect(told([user("u2"), ...steps], 1)).toEqual(["u2", "c", "cx"]);
  });

  test("keeps the order, and never parts a call from its result", () => {
    const id = fc.constantFrom("a", "b");
    const one = fc.oneof(
      fc.nat(300).map((size) => user(`u${"x".repeat(size)}`)),
      fc.nat(300).map((size) => assistant(`a${"x".repeat(size)}`)),
      fc.constant(system("s")),
      id.map((callId) => call(callId)),
      fc.tuple(id, fc.nat(300)).map(([callId, size]) => result(callId, `r${"x".repeat(size)}`)),
    );
    fc.assert(
      fc.property(fc.array(one, { maxLength: 16 }), fc.integer({ min: 1, max: 500 }), (entries, max) => {
        const items = itemsOf(entries);
        const whole = historyOf("", items).map((message) => JSON.stringify(message.content));
        const cut = historyOf("", [...withinBudget(items, max, 0)]);
        let at = -1;
        for (const { role, content } of cut) {
          if (role !== "tool") continue;
          at = whole.indexOf(JSON.stringify(content), at + 1);
          expect(at).toBeGreaterThanOrEqual(0);
        }
        // A result whose call was left out would be told as words.
        const words = (texts: readonly string[]) => texts.join().split("Result of the tool call").length;
        expect(words(cut.map(({ content }) => String(content)))).toBeLessThanOrEqual(words(whole));
        const calls = cut.flatMap(({ tool_calls }) => tool_calls ?? []);
        expect(cut.filter(({ role }) => role === "tool")).toHaveLength(calls.length);
      }),
      { numRuns: 300 },
    );
  });
});
