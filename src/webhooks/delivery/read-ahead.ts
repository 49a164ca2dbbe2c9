// How much is read for an endpoint before it is sent.
import type { Window } from "./window.ts";

/** For an endpoint that has not taken anything since the worker began, or the last failure, little is read. */
const FIRST_READ = 8;
const READ = 500;
/** More is read when less than this waits. */
const LITTLE = 64;
/** Maximum entries, and characters of content, that were read and not taken. */
const MAX_ITEMS = 2_000;
const MAX_CHARACTERS = 4 << 20;

/** Whether so much was read that no more is needed for now. `proven`: the last request succeeded. */
export function holdsEnough(window: Window, batchSize: number, proven: boolean): boolean {
  const enough = proven ? Math.max(LITTLE, 2 * batchSize) : 1;
  return window.waiting >= enough || window.length >= MAX_ITEMS || window.characters >= MAX_CHARACTERS;
}

/** About how many entries are read next. */
export function readSize(batchSize: number, proven: boolean): number {
  return proven ? READ : Math.max(FIRST_READ, batchSize);
}
