// Judges the answers that came while something was broken: only what the contract foresees for that may come.
import type { Figures } from "./scenario.ts";

/** What a caller with a good credential and a good request may be told while parts of the store are down. */
const FORESEEN: ReadonlySet<string> = new Set([
  "ok",
  "DATABASE_UNAVAILABLE",
  "OVERLOADED",
  "SHUTTING_DOWN",
  "REQUEST_IN_PROGRESS",
  "DEADLINE_EXCEEDED",
  "CANCELLED",
]);

/** Answers of the server itself are reasons in capitals; anything else is what a client made of a broken line. */
function isReason(answer: string): boolean {
  return /^[A-Z_]+$/.test(answer);
}

export function unexpected(answers: ReadonlyMap<string, number>): string[] {
  return [...answers]
    .filter(([answer]) => isReason(answer) && !FORESEEN.has(answer))
    .map(([answer, count]) => `${count} calls were answered ${answer}, which nothing calls for`);
}

export function answered(answers: ReadonlyMap<string, number>): Figures {
  const count = (of: (answer: string) => boolean) =>
    [...answers].filter(([answer]) => of(answer)).reduce((sum, [, n]) => sum + n, 0);
  return {
    "answers: ok": count((answer) => answer === "ok"),
    "answers: a documented error": count((answer) => isReason(answer)),
    "answers: none": count((answer) => answer !== "ok" && !isReason(answer)),
  };
}
