// Results of MCP servers' tools that the log would not take as they are.
import { expect, test } from "vitest";
import { outcomeOf } from "../../../src/agents/tools/mcp/mcp-result.ts";

const images = (count: number) =>
  Array.from({ length: count }, () => ({ type: "image" as const, data: "iVBORw0KGgo=", mimeType: "image/png" }));

test("a result of more parts than an entry may have is told to the agent as a failure", () => {
  expect(outcomeOf({ content: images(511) }).output).toMatchObject({
    case: "parts",
    value: { parts: { length: 511 } },
  });
  for (const count of [512, 600]) {
    expect(outcomeOf({ content: images(count) })).toEqual({
      output: { case: "text", value: "the tool returned more than 511 parts" },
      isError: true,
    });
  }
});

test("what is structured deeper than JSON of the log may be is kept as a text", () => {
  const deep = (levels: number): object => (levels === 0 ? {} : { a: deep(levels - 1) });
  const text = JSON.stringify(deep(70));
  const words = { type: "text" as const, text: "words" };
  expect(outcomeOf({ content: [], structuredContent: deep(70) as never })).toEqual({
    output: { case: "text", value: text },
    isError: false,
  });
  expect(outcomeOf({ content: [words], structuredContent: deep(70) as never }).output.value).toBe(`words\n${text}`);
  expect(outcomeOf({ content: [], structuredContent: deep(3) as never }).output).toEqual({
    case: "json",
    value: JSON.stringify(deep(3)),
  });
});

test("of a structured value and texts, what says the same is kept once, and whatever says more is kept", () => {
  const text = (words: string) => ({ type: "text" as const, text: words });
  const table: readonly [readonly string[], object, string, string][] = [
    [['{"n":1}'], { n: 1 }, "json", '{"n":1}'],
    [['{"n":1}', " "], { n: 1 }, "json", '{"n":1}'],
    [['{"n":1}', "more"], { n: 1 }, "text", '{"n":1}\nmore'],
    [["1", "2"], { result: [1, 2] }, "json", '{"result":[1,2]}'],
    [["a", "more"], { result: "a" }, "text", "a\nmore"],
    [["one"], { n: 1 }, "text", 'one\n{"n":1}'],
    [[], { n: 1 }, "json", '{"n":1}'],
  ];
  for (const [texts, structuredContent, kind, value] of table) {
    const { output } = outcomeOf({ content: texts.map(text), structuredContent } as never);
    expect([texts, output.case, output.value]).toEqual([texts, kind, value]);
  }
});
