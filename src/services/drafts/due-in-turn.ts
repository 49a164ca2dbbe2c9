// In which order due messages are sent: their senders take turns, so that one who has scheduled many holds up nobody.
import type { NextScheduled, Scheduler } from "../../store/drafts/due.ts";

/** Rows of one look. */
const LOOK = 200;
/** A sender with so many of them is left out of the next look. */
const MANY = 20;
const MAX_LOOKS = 5;

export interface DueInTurn {
  readonly due: readonly NextScheduled[];
  /** When the next one is due, in milliseconds from now. Undefined: none is known. */
  readonly nextInMs: number | undefined;
}

/** @param read the next to be sent, soonest first, without those of some senders */
export async function dueInTurn(
  read: (limit: number, without: readonly Scheduler[]) => Promise<readonly NextScheduled[]>,
): Promise<DueInTurn> {
  const bySender = new Map<string, NextScheduled[]>();
  const without: Scheduler[] = [];
  let nextInMs: number | undefined;
  for (let look = 0; look < MAX_LOOKS; look++) {
    const rows = await read(LOOK, without);
    const due = rows.filter(({ dueInMs }) => dueInMs <= 0);
    const seen = Map.groupBy(due, senderOf);
    for (const [sender, own] of seen) bySender.set(sender, own);
    if (due.length < LOOK) {
      nextInMs = rows[due.length]?.dueInMs;
      break;
    }
    const many = [...seen.values()].filter((own) => own.length >= MANY);
    if (many.length === 0) break;
    without.push(...many.flatMap(([first]) => (first === undefined ? [] : [first])));
  }
  return { due: inTurn([...bySender.values()]), nextInMs };
}

function senderOf({ tenantId, actor }: Scheduler): string {
  return `${tenantId} ${actor}`;
}

/**
 * The first of each, then the second of each; in an order of its own, so that several servers do not go for the same
 * one.
 */
function inTurn(lists: readonly NextScheduled[][]): NextScheduled[] {
  const rounds = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, round) => {
    const next = lists.flatMap((list) => list[round] ?? []);
    return next.map((one) => ({ one, place: Math.random() })).toSorted((a, b) => a.place - b.place);
  }).flatMap((next) => next.map(({ one }) => one));
}
