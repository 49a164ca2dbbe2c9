// Reads entries of a tenant's logs for all of its endpoints: those wanted at the same time by one statement, and what several
// want once.
import type { Database } from "../../store/database.ts";
import { type LogRange, readRanges } from "../../store/webhooks/entries.ts";
import { type Encode, type ReadEntry, readEntry } from "./entry.ts";

/** An entry is read again before it is sent if it was read longer ago, in milliseconds: it may be deleted by now. */
export const MAX_AGE_MS = 1_000;
/** Maximum entries of one statement. */
export const MAX_ENTRIES = 500;
/** How much is remembered, in characters of content. */
const MAX_CHARACTERS = 8 << 20;

export interface RangeRead {
  readonly entries: readonly ReadEntry[];
  /** Up to where it was read; less than was asked for if not all fitted. */
  readonly upto: bigint;
}

interface Asked {
  readonly range: LogRange;
  readonly answer: PromiseWithResolvers<RangeRead>;
}

interface Remembered {
  readonly at: number;
  readonly read: Promise<RangeRead>;
  characters: number;
}

export class LogReader {
  readonly #database: Database;
  readonly #tenantId: string;
  readonly #encode: Encode;
  readonly #remembered = new Map<string, Remembered>();
  #characters = 0;
  #asked: Asked[] = [];
  #reading = false;

  constructor(database: Database, tenantId: string, encode: Encode) {
    this.#database = database;
    this.#tenantId = tenantId;
    this.#encode = encode;
  }

  /** The entries of a range as they are now, or were a moment ago. Rejects with an error of the database. */
  read(range: LogRange): Promise<RangeRead> {
    const key = `${range.conversationId}/${range.after}/${range.upto}`;
    const known = this.#remembered.get(key);
    // Half of the age: there must be time to send it.
    if (known !== undefined && performance.now() - known.at < MAX_AGE_MS / 2) return known.read;
    if (known !== undefined) this.#forget(key, known);
    const answer = Promise.withResolvers<RangeRead>();
    const remembered: Remembered = { at: performance.now(), read: answer.promise, characters: 0 };
    this.#remembered.set(key, remembered);
    answer.promise.then(
      ({ entries }) => this.#weigh(key, remembered, entries),
      () => this.#forget(key, remembered),
    );
    this.#asked.push({ range, answer });
    if (!this.#reading) {
      this.#reading = true;
      // What others ask for in this turn goes along.
      setImmediate(() => void this.#readAll());
    }
    return answer.promise;
  }

  async #readAll(): Promise<void> {
    while (this.#asked.length > 0) {
      const some = this.#next();
      try {
        await this.#readSome(some);
      } catch (error) {
        for (const { answer } of some) answer.reject(error);
      }
    }
    this.#reading = false;
  }

  #next(): Asked[] {
    let count = 0n;
    let taken = 0;
    for (const { range } of this.#asked) {
      count += range.upto - range.after;
      if (taken > 0 && count > MAX_ENTRIES) break;
      taken++;
    }
    return this.#asked.splice(0, taken);
  }

  async #readSome(some: readonly Asked[]): Promise<void> {
    const ranges = some.map(({ range }) => range);
    const { entries, cut } = await readRanges(this.#database, this.#tenantId, ranges);
    const byRange = new Map<LogRange, ReadEntry[]>(ranges.map((range) => [range, []]));
    for (const { range, entry, traits } of entries) {
      byRange.get(range)?.push(readEntry(this.#encode, range.conversationId, entry, traits));
    }
    const last = cut ? entries.at(-1) : undefined;
    const lastPlace = last === undefined ? some.length : ranges.indexOf(last.range);
    for (const [place, { range, answer }] of some.entries()) {
      const whole = place < lastPlace ? range.upto : undefined;
      if (whole === undefined && place > lastPlace) this.#asked.push({ range, answer });
      else answer.resolve({ entries: byRange.get(range) ?? [], upto: whole ?? last?.entry.seq ?? range.upto });
    }
  }

  #weigh(key: string, remembered: Remembered, entries: readonly ReadEntry[]): void {
    if (this.#remembered.get(key) !== remembered) return;
    for (const entry of entries) remembered.characters += 500 + entry.contentLength;
    this.#characters += remembered.characters;
    const now = performance.now();
    // The oldest come first.
    for (const [oldKey, old] of this.#remembered) {
      if (now - old.at < MAX_AGE_MS / 2 && this.#characters <= MAX_CHARACTERS) break;
      this.#forget(oldKey, old);
    }
  }

  #forget(key: string, remembered: Remembered): void {
    if (this.#remembered.get(key) !== remembered) return;
    this.#remembered.delete(key);
    this.#characters -= remembered.characters;
  }
}
