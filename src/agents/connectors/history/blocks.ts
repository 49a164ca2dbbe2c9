// Orders a history as every provider requires: the model's output of one step, then the result of each of its calls.
import type { JsonObject } from "@bufbuild/protobuf";
import type { Content } from "./content.ts";
import { type Call, type Foreign, type Item, type Result, type Said, type Thought, textOf } from "./items.ts";

/** A call and its one result. */
export interface Answered {
  readonly kind: "answered";
  readonly call: Call;
  readonly result: Outcome;
}

export interface Outcome {
  readonly content: readonly Content[];
  readonly isError: boolean;
  readonly extra: JsonObject;
  /** No tool gave it: it says so to the model. */
  readonly synthetic: boolean;
}

/** One step of the model: all its calls were made before it saw a result. */
export interface Step {
  readonly kind: "step";
  readonly items: readonly (Thought | Said | Answered | Foreign)[];
}

export type Block = Said | Step;

const UNANSWERED = "(The call was not answered.)";

/**
 * Neither a call without a result nor a result without a call is left: a call that nobody answered gets a result that
 * says so, a result whose call is gone becomes a message of the user. A result moves to its call, wherever it stood.
 */
export function blocksOf(items: readonly Item[]): Block[] {
  const { outcomes, owners } = matched(items);
  const blocks: Block[] = [];
  let step: Step["items"][number][] | undefined;
  for (const item of items) {
    switch (item.kind) {
      case "said":
        if (item.role === "assistant") break;
        step = undefined;
        blocks.push(item);
        continue;
      case "denial":
        continue;
      case "result": {
        // What comes after a result was said in view of it.
        if (owners.has(item)) {
          if (step?.some((one) => one.kind === "answered" && one.call === owners.get(item))) step = undefined;
          continue;
        }
        step = undefined;
        blocks.push(orphan(item));
        continue;
      }
    }
    if (step === undefined) {
      step = [];
      blocks.push({ kind: "step", items: step });
    }
    step.push(item.kind === "call" ? { kind: "answered", call: item, result: outcomes.get(item) ?? NONE } : item);
  }
  return blocks;
}

export const NONE: Outcome = { content: [textOf(UNANSWERED)], isError: true, extra: {}, synthetic: true };

interface Matches {
  readonly outcomes: ReadonlyMap<Call, Outcome>;
  readonly owners: ReadonlyMap<Result, Call>;
}

/** A result belongs to the latest call of its id; ids are used again by servers that count them anew in each reply. */
function matched(items: readonly Item[]): Matches {
  const outcomes = new Map<Call, Outcome>();
  const owners = new Map<Result, Call>();
  const latest = new Map<string, Call>();
  const early: Result[] = [];
  /** How often the model has spoken: so far, and when a call got its result. */
  let said = 0;
  const heard = new Map<Call, number>();
  const answer = (call: Call, result: Result) => {
    outcomes.set(call, { ...result, synthetic: false });
    owners.set(result, call);
    heard.set(call, said);
  };
  const calls: Call[] = [];
  let nameless = 0;
  for (const item of items) {
    if (item.kind === "call" || item.kind === "thought" || (item.kind === "said" && item.role === "assistant")) said++;
    if (item.kind === "call") {
      calls.push(item);
      if (item.callId !== "") latest.set(item.callId, item);
    } else if (item.kind === "result") {
      // Results without an id answer the calls in their order.
      if (item.callId === "") {
        while (nameless < calls.length && outcomes.has(calls[nameless] as Call)) nameless++;
      }
      const call = item.callId === "" ? calls[nameless] : latest.get(item.callId);
      if (call === undefined) early.push(item);
      // Once the model has gone on from one, that one stands.
      else if ((heard.get(call) ?? said) === said) answer(call, item);
    } else if (item.kind === "denial") {
      const call = latest.get(item.callId);
      if (call === undefined || outcomes.has(call)) continue;
      const why = item.reason === "" ? "" : ` ${item.reason}`;
      const content = [textOf(`(The call was not allowed.${why})`)];
      outcomes.set(call, { content, isError: true, extra: {}, synthetic: true });
    }
  }
  for (const result of early) {
    const call = latest.get(result.callId);
    if (call !== undefined && !outcomes.has(call)) answer(call, result);
  }
  return { outcomes, owners };
}

function orphan({ callId, content }: Result): Said {
  const intro = textOf(callId === "" ? "Result of a tool:" : `Result of the tool call ${callId}:`);
  return { kind: "said", role: "user", content: [intro, ...content] };
}
