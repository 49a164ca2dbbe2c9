// The form in which a conversation is told to servers of models, strict ones too.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { itemsOf } from "../../src/agents/connectors/history/items.ts";
import { historyOf } from "../../src/agents/connectors/openai/chat/history.ts";
import { entry } from "../support/entries.ts";

const ROLES = { s: MessageRole.SYSTEM, u: MessageRole.USER, a: MessageRole.ASSISTANT, t: MessageRole.TOOL } as const;
type Said = readonly (readonly [keyof typeof ROLES, string])[];
const told = (instructions: string, said: Said) =>
  historyOf(instructions, itemsOf(said.map(([role, content]) => ({ role: ROLES[role], content })))) as {
    role: string;
    content: string;
  }[];

describe("F-STRICT: a history", () => {
  test.each<[string, string, Said, string[]]>([
    [
      "as it should be stays",
      "I",
      [
        ["u", "1"],
        ["a", "2"],
        ["u", "3"],
      ],
      ["system:I", "user:1", "assistant:2", "user:3"],
    ],
    [
      "that begins with the assistant",
      "",
      [
        ["a", "1"],
        ["u", "2"],
      ],
      ["user:(The conversation begins.)", "assistant:1", "user:2"],
    ],
    [
      "with two users in a row",
      "",
      [
        ["u", "1"],
        ["u", "2"],
      ],
      ["user:1\n\n2"],
    ],
    [
      "with two replies in a row",
      "",
      [
        ["u", "1"],
        ["a", "2"],
        ["a", "3"],
        ["u", "4"],
      ],
      ["user:1", "assistant:2\n\n3", "user:4"],
    ],
    [
      "with a tool's words",
      "",
      [
        ["u", "1"],
        ["t", "2"],
        ["a", "3"],
        ["t", "4"],
      ],
      ["user:1\n\n2", "assistant:3", "user:4"],
    ],
    [
      "with system messages in the middle",
      "I",
      [
        ["u", "1"],
        ["s", "S"],
        ["u", "2"],
      ],
      ["system:I\n\nS", "user:1\n\n2"],
    ],
    [
      "that ends with the assistant",
      "",
      [
        ["u", "1"],
        ["a", "2"],
      ],
      ["user:1", "assistant:2", "user:(Please go on.)"],
    ],
    ["of a system message alone", "", [["s", "S"]], ["system:S", "user:(Please go on.)"]],
    [
      "with empty messages",
      "",
      [
        ["u", ""],
        ["a", " \n"],
        ["u", "1"],
      ],
      ["user:1"],
    ],
    ["of nothing", " ", [["u", ""]], ["user:(Please go on.)"]],
  ])("%s", (_, instructions, said, expected) => {
    expect(told(instructions, said).map(({ role, content }) => `${role}:${content}`)).toEqual(expected);
  });

  test("of any kind takes the form, and loses no word, in their order", () => {
    const message = fc.tuple(fc.constantFrom("s", "u", "a", "t"), fc.string({ unit: "grapheme", maxLength: 8 }));
    fc.assert(
      fc.property(fc.string({ maxLength: 3 }), fc.array(message, { maxLength: 12 }), (instructions, said) => {
        const history = told(instructions, said as Said);
        const [first, ...rest] = history;
        const turns = first?.role === "system" ? rest : history;
        expect(turns.map(({ role }) => role)).toEqual(
          turns.map((_, index) => (index % 2 === 0 ? "user" : "assistant")),
        );
        expect(turns.at(-1)?.role).toBe("user");
        expect(history.every(({ content }) => content.trim() !== "")).toBe(true);
        for (const roles of ["s", "ut", "a"]) {
          const own = said.filter(([role, content]) => roles.includes(role) && content.trim() !== "");
          const where = { s: "system", ut: "user", a: "assistant" }[roles];
          let from = 0;
          const text = history
            .filter(({ role }) => role === where)
            .map(({ content }) => content)
            .join("\n\n");
          for (const [, content] of own) {
            const at = text.indexOf(content, from);
            expect(at).toBeGreaterThanOrEqual(from);
            from = at + content.length;
          }
        }
      }),
    );
  });

  test("has the data that a person sends, as JSON with its name, and not what an agent sends to be shown", () => {
    const order = { content: { case: "data", value: { json: '{"order":17}' } } } as const;
    const form = { content: { case: "data", value: { name: "form", json: '{"a":1}' } } } as const;
    const history = historyOf(
      "",
      itemsOf([
        entry(MessageRole.USER, order),
        entry(MessageRole.ASSISTANT, { content: { case: "text", value: { text: "Here." } } }, form),
        entry(MessageRole.USER, { content: { case: "text", value: { text: "And:" } } }, form),
      ]),
    );
    expect(history).toEqual([
      { role: "user", content: '{"order":17}' },
      { role: "assistant", content: "Here." },
      { role: "user", content: 'And:\nform: {"a":1}' },
    ]);
  });
});
