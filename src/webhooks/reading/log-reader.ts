// Reads entries of a tenant's logs for all of its endpoints: those wanted at the same time by one statement, and what
// several want once.
import type { Database } from "../../store/database.ts";
import { type LogRange, readRanges } from "../../store/webhooks/entries.ts";
import { type Encode, type ReadEntry, readEntry } from "./entry.ts";
import type { HeldEntries, Reader } from "./held.ts";

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
  /** Who asked first. */
  readonly reader: Reader;
  /** Undefined: they are not there yet. */
  entries: readonly ReadEntry[] | undefined;
}

/** What is asked for by readers of one kind. */
interface Queue {
  asked: Asked[];
  reading: boolean;
}

export class LogReader {
  readonly #database: Database;
  readonly #tenantId: string;
  readonly #encode: Encode;
  readonly #held: HeldEntries;
  readonly #remembered = new Map<string, Remembered>();
  readonly #queues = new Map<Reader, Queue>();
  #characters = 0;
  #sweeping: NodeJS.Timeout | undefined;

  constructor(database: Database, tenantId: string, encode: Encode, held: HeldEntries) {
    this.#database = database;
    this.#tenantId = tenantId;
    this.#encode = encode;
    this.#held = held;
  }

  /**
   * The entries of a range as they are now, or were a moment ago, once there is room for them. Rejects with an error of
   * the database.
   */
  read(range: LogRange, reader: Reader): Promise<RangeRead> {
    const key = `${range.conversationId}/${range.after}/${range.upto}`;
    const known = this.#remembered.get(key);
    // What waits for room as another kind of reader is not waited for.
    const isUsable = known !== undefined && (known.entries !== undefined || known.reader === reader);
    // Half of the age: there must be time to send it.
    if (isUsable && performance.now() - known.at < MAX_AGE_MS / 2) return known.read;
    if (known !== undefined) this.#forget(key, known);
    const answer = Promise.withResolvers<RangeRead>();
    const remembered: Remembered = { at: performance.now(), read: answer.promise, reader, entries: undefined };
    this.#remembered.set(key, remembered);
    answer.promise.then(
      ({ entries }) => this.#remember(key, remembered, entries),
      () => this.#forget(key, remembered),
    );
    const queue = this.#queues.get(reader) ?? { asked: [], reading: false };
    this.#queues.set(reader, queue);
    queue.asked.push({ range, answer });
    if (!queue.reading) {
      queue.reading = true;
      // What others ask for in this turn goes along.
      setImmediate(() => void this.#readAll(queue, reader));
    }
    return answer.promise;
  }

  async #readAll(queue: Queue, reader: Reader): Promise<void> {
    while (queue.asked.length > 0) {
      await this.#held.read(reader, async () => {
        const some = nextOf(queue);
        try {
          await this.#readSome(some, queue);
        } catch (error) {
          for (const { answer } of some) answer.reject(error);
        }
      });
    }
    queue.reading = false;
  }

  async #readSome(some: readonly Asked[], queue: Queue): Promise<void> {
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
      if (whole === undefined && place > lastPlace) queue.asked.push({ range, answer });
      else answer.resolve({ entries: byRange.get(range) ?? [], upto: whole ?? last?.entry.seq ?? range.upto });
    }
  }

  #remember(key: string, remembered: Remembered, entries: readonly ReadEntry[]): void {
    if (this.#remembered.get(key) !== remembered) return;
    remembered.entries = entries;
    for (const entry of entries) {
      this.#held.hold(entry);
      this.#characters += weightOf(entry);
    }
    this.#sweep();
  }

  /** Forgets what is too old to be given to others, and the oldest of what is too much. */
  #sweep(): void {
    const now = performance.now();
    // The oldest come first.
    for (const [key, old] of this.#remembered) {
      if (old.entries === undefined) continue;
      if (now - old.at < MAX_AGE_MS / 2 && this.#characters <= MAX_CHARACTERS) break;
      this.#forget(key, old);
    }
    if (this.#characters === 0) return;
    this.#sweeping ??= setTimeout(() => {
      this.#sweeping = undefined;
      this.#sweep();
    }, MAX_AGE_MS / 2).unref();
  }

  #forget(key: string, remembered: Remembered): void {
    if (this.#remembered.get(key) !== remembered) return;
    this.#remembered.delete(key);
    for (const entry of remembered.entries ?? []) {
      this.#held.release(entry);
      this.#characters -= weightOf(entry);
    }
  }
}

/** The first of a queue, as many as one statement reads. */
function nextOf(queue: Queue): Asked[] {
  let count = 0n;
  let taken = 0;
  for (const { range } of queue.asked) {
    count += range.upto - range.after;
    if (taken > 0 && count > MAX_ENTRIES) break;
    taken++;
  }
  return queue.asked.splice(0, taken);
}

function weightOf({ contentLength }: ReadEntry): number {
  return 500 + contentLength;
}
