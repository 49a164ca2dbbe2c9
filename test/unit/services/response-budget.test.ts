// F-COMPOSED: the budgets of responses that are composed of many pages.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { ParticipantSchema } from "../../../gen/colloquy/v1/participant_pb.ts";
import type { CallContext } from "../../../src/pipeline/call/call.ts";
import { deriveContext } from "../../../src/services/in-process/context.ts";
import { createResponseBudgets } from "../../../src/services/in-process/response-budget.ts";

/** In JSON each of them takes six bytes. */
const LARGE = "\u0001".repeat(800_000);
const conversations = [create(ConversationSchema, { title: LARGE })];
const messages = [create(MessageSchema, { content: LARGE })];

/** A call, and its end. */
function call(name: string) {
  const overs: (() => void)[] = [];
  const { signal } = new AbortController();
  const principal = { kind: "member", tenantId: "t", memberId: name };
  const base = { principal, signal, interrupt: signal, address: "", onceOver: (act: () => void) => overs.push(act) };
  const context = base as unknown as CallContext;
  return { context, end: () => overs.forEach((act) => void act()) };
}

async function settled(promise: Promise<unknown>): Promise<boolean> {
  let over = false;
  void promise.then(() => {
    over = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

test("calls that read two kinds of large lists have one place each, and wait for nobody who waits for them", async () => {
  const budgetOf = createResponseBudgets();
  const [first, second, third] = [call("ann"), call("bob"), call("cleo")];
  for (const { context } of [first, second]) await budgetOf(context).add(conversations);
  const more = [first, second].map(({ context }) => budgetOf(deriveContext(context, {})).add(messages));
  expect(await settled(Promise.all(more))).toBe(true);
  const waiting = budgetOf(third.context).add(messages);
  expect(await settled(waiting)).toBe(false);
  first.end();
  await waiting;
});

test("what a call reads at once waits together", async () => {
  const budgetOf = createResponseBudgets();
  for (const name of ["ann", "bob"]) await budgetOf(call(name).context).add(messages);
  const late = budgetOf(call("cleo").context);
  const both = [late.add(messages), late.add(messages)];
  expect(await Promise.all(both.map(settled))).toEqual([false, false]);
});

test("all that a response shows counts, participants too", async () => {
  const budgetOf = createResponseBudgets();
  const many = Array.from({ length: 50_000 }, (_, i) => create(ParticipantSchema, { memberId: `${i}`.padEnd(128) }));
  const budget = budgetOf(call("ann").context);
  for (let i = 0; i < 2; i++) await budget.add(many);
  await expect(budget.add(many)).rejects.toThrow("an answer may have at most");
});
