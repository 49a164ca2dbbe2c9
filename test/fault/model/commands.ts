// Random commands for the store and its model.
import fc from "fast-check";
import { WIRES } from "../stage/wires.ts";
import type { ChatCommand } from "./chat.ts";
import type { Part } from "./conversation.ts";
import type { Command, Meanwhile } from "./model.ts";
import type { GivenCommand } from "./store.ts";

/** Those that are there from the beginning; forks go to the places after them. */
export const CONVERSATIONS = 2;
const FORKS = 2;
const MAX_AT_ONCE = 4;

const text = fc.constantFrom("a", "b", "é 👩‍🚀", '"quoted"', "two\nlines");
const conversation = fc.constantFrom(0, 0, 0, 0, 1, 2, 3);
/** One of the first entries of a log: not all are messages, so some calls name none. */
const seq = fc.integer({ min: 1, max: 12 });

const part: fc.Arbitrary<Part> = fc.oneof(
  text.map((one) => ({ text: { text: one } })),
  fc.constantFrom('{"n": 1.0}', '"\\u0000"', '{"a":1,"a":2}').map((json) => ({ data: { name: "row", json } })),
);
const parts = fc.array(part, { minLength: 1, maxLength: 3 });

function one<const Op extends Command["op"]>(...ops: readonly Op[]) {
  return fc.record({ op: fc.constantFrom(...ops), conversation }) as fc.Arbitrary<Extract<Command, { op: Op }>>;
}

function at<const Op extends "restore" | "select" | "delete">(op: Op) {
  return fc.record({ op: fc.constant(op), conversation, seq }) as unknown as fc.Arbitrary<Extract<Command, { op: Op }>>;
}

const member = fc.constantFrom("ann" as const, "bob" as const);
/** Members take part in those that are there from the beginning, and forks have the key alone. */
const own = fc.constantFrom(0, 0, 0, 1);
const chat: fc.Arbitrary<ChatCommand> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom("react" as const, "react" as const, "unreact" as const),
      conversation: own,
      who: fc.oneof(member, fc.constant("" as const)),
      seq,
      reaction: fc.constantFrom("👍", ":ship-it:"),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("reply" as const), conversation, seq, text }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("mark" as const), conversation: own, who: member, seq }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("counts" as const), conversation, who: fc.constant("" as const) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom("counts", "view"), conversation: own, who: member }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("set draft" as const), conversation: own, text }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constantFrom("marks", "draft", "no draft", "scheduled"), conversation: own }),
  },
) as fc.Arbitrary<ChatCommand>;

const texts = fc.array(text, { minLength: 1, maxLength: 3 });
const meanwhile: fc.Arbitrary<Meanwhile> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant("send" as const), conversation, texts }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant("send parts" as const), conversation, parts, call: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("edit" as const), conversation, seq, text }) },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("branch" as const),
      conversation,
      seq: fc.oneof(seq, fc.constant(0)),
      text,
    }),
  },
  { weight: 3, arbitrary: at("select") },
  { weight: 2, arbitrary: at("restore") },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("title" as const), conversation, text }) },
  { weight: 12, arbitrary: chat },
  { weight: 5, arbitrary: one("list", "list kinds", "list deleted", "log", "get") },
);

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 20, arbitrary: meanwhile },
  { weight: 2, arbitrary: at("delete") },
  { weight: 2, arbitrary: one("delete all", "restore all") },
  { weight: 2, arbitrary: one("delete conversation", "restore conversation", "restore conversation") },
);

/** What nothing else may come between: which fork is where, and what a turn waits for, must be known. */
const alone: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: command },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("join" as const), conversation: own, who: member }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constantFrom("schedule" as const, "cancel" as const),
      conversation: own,
      name: fc.constantFrom("one", "two"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("fork" as const),
      conversation,
      seq,
      as: fc.integer({ min: CONVERSATIONS, max: CONVERSATIONS + FORKS - 1 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        conversation: fc.constantFrom(0, 1),
        meanwhile: fc.array(meanwhile, { maxLength: 4 }),
        end: fc.constantFrom("answer" as const, "cancel" as const),
      })
      .map((turn) => ({ op: "turn" as const, ...turn })),
  },
);

const given = (what: fc.Arbitrary<Command>): fc.Arbitrary<GivenCommand> =>
  fc.record({
    command: what,
    wire: fc.constantFrom(...WIRES),
    twice: fc.boolean(),
    servers: fc.tuple(fc.nat(1), fc.nat(1)),
  });

/** Batch after batch; the commands of one go at the same time. */
export const batches = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: given(alone).map((only) => [only]) },
    { weight: 1, arbitrary: fc.array(given(command), { minLength: 2, maxLength: MAX_AT_ONCE }) },
  ),
  { minLength: 1, maxLength: 14 },
);
