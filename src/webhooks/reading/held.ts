// Bounds what all endpoints of this process hold in memory together: entries that were read and are not taken yet.

/** Maximum bytes. What a few statements bring at once may come on top: its size is known only then. */
const MAX_BYTES = 128 << 20;
/** Statements that read entries at the same time. */
const MAX_READS = 8;
/** An entry without content, and each character of it: as text and as JSON, of up to two bytes each. */
const ENTRY_BYTES = 1_000;
const CHARACTER_BYTES = 4;

/**
 * Who reads: an endpoint that took the last request; one that did not, or has had none; or one that can send nothing of
 * what it holds without it.
 */
export type Reader = "proven" | "unproven" | "needy";

export interface Held {
  readonly contentLength: number;
}

export class HeldEntries {
  readonly #maxBytes: number;
  /** How many hold an entry: several endpoints are given the same. */
  readonly #holders = new Map<Held, number>();
  readonly #waiting = new Set<{ readonly reader: Reader; readonly go: () => void }>();
  #bytes = 0;
  #reads = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  hold(entry: Held): void {
    const holders = this.#holders.get(entry) ?? 0;
    this.#holders.set(entry, holders + 1);
    if (holders === 0) this.#bytes += bytesOf(entry);
  }

  release(entry: Held): void {
    const holders = this.#holders.get(entry) ?? 0;
    if (holders > 1) {
      this.#holders.set(entry, holders - 1);
    } else if (this.#holders.delete(entry)) {
      this.#bytes -= bytesOf(entry);
      this.#next();
    }
  }

  /**
   * Whether more may be read. Those that took nothing lately get half of the room: what they hold while their requests
   * hang must not stop the others.
   */
  hasRoom(reader: Reader): boolean {
    if (reader === "needy") return true;
    return this.#bytes < (reader === "proven" ? this.#maxBytes : this.#maxBytes / 2);
  }

  /** Reads entries once there is room. What it brings must be held at once. */
  async read<T>(reader: Reader, work: () => Promise<T>): Promise<T> {
    if (this.#mayRead(reader)) this.#reads++;
    else await new Promise<void>((go) => this.#waiting.add({ reader, go }));
    try {
      return await work();
    } finally {
      this.#reads--;
      // Not before what was read is held.
      setImmediate(() => this.#next());
    }
  }

  #mayRead(reader: Reader): boolean {
    return this.#reads < MAX_READS && this.hasRoom(reader);
  }

  #next(): void {
    for (const waiting of this.#waiting) {
      if (this.#reads >= MAX_READS) return;
      if (!this.#mayRead(waiting.reader)) continue;
      this.#waiting.delete(waiting);
      this.#reads++;
      waiting.go();
    }
  }
}

function bytesOf({ contentLength }: Held): number {
  return ENTRY_BYTES + contentLength * CHARACTER_BYTES;
}
