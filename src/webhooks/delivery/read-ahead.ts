// How much is read for an endpoint before it is sent.
import type { HeldEntries, Reader } from "../reading/held.ts";
import type { Window } from "./window.ts";

/** For an endpoint that has not taken anything since the worker began, or the last failure, little is read. */
const FIRST_READ = 8;
const READ = 500;
/** More is read when less than this waits. */
const LITTLE = 64;
/** Maximum entries, and characters of content, that were read and not taken. */
const MAX_ITEMS = 2_000;
const MAX_CHARACTERS = 4 << 20;

export interface Hunger {
  readonly batchSize: number;
  /** Whether the last request succeeded. */
  readonly proven: boolean;
  /** Whether all of the batch that was begun was read. */
  readonly whole: boolean;
}

/**
 * As which kind of reader more is read. Undefined: it has enough, or sends what it holds before there is room for more.
 */
export function readerFor(window: Window, { batchSize, proven, whole }: Hunger, held: HeldEntries): Reader | undefined {
  if (!whole) return "needy";
  const reader = proven ? "proven" : "unproven";
  const enough = proven ? Math.max(LITTLE, 2 * batchSize) : 1;
  if (window.waiting >= enough || window.length >= MAX_ITEMS || window.characters >= MAX_CHARACTERS) return undefined;
  return window.length > 0 && !held.hasRoom(reader) ? undefined : reader;
}

/** About how many entries are read next. */
export function readSize({ batchSize, proven }: Hunger): number {
  return proven ? READ : Math.max(FIRST_READ, batchSize);
}
