// Pages of rows that slow readers have not finished: in memory up to a total, beyond which they are dropped, to be read
// again.
import { bytesOf } from "../../store/driver/row-budget.ts";

/** Of all pages together, as PostgreSQL sent them. */
const MAX_BYTES = 16 << 20;

export interface HeldPage<T> {
  /** The next row. Undefined: there is none left, or the rest was dropped. */
  take(): T | undefined;
  release(): void;
}

export class HeldPages {
  readonly #maxBytes: number;
  /** The least recently used first. */
  readonly #pages = new Set<Page<unknown>>();
  #bytes = 0;

  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** What is held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Holds a page, and drops others that were not used for the longest time: their readers are the slowest.
   * @param rows those of a statement that is weighed, in order
   */
  hold<T extends object>(rows: readonly T[]): HeldPage<T> {
    const page: Page<T> = { rest: rows.toReversed(), bytes: bytesOf(rows) };
    this.#pages.add(page);
    this.#bytes += page.bytes;
    for (const slowest of this.#pages) {
      if (this.#bytes <= this.#maxBytes || slowest === page) break;
      this.#drop(slowest);
    }
    return { take: () => this.#take(page), release: () => this.#drop(page) };
  }

  #take<T>(page: Page<T>): T | undefined {
    if (!this.#pages.delete(page)) return undefined;
    this.#pages.add(page);
    const row = page.rest.pop();
    if (page.rest.length === 0) this.#drop(page);
    return row;
  }

  #drop(page: Page<unknown>): void {
    if (!this.#pages.delete(page)) return;
    this.#bytes -= page.bytes;
    page.rest.length = 0;
  }
}

interface Page<T> {
  /** The last first, so that those that were taken are held no longer. */
  readonly rest: T[];
  readonly bytes: number;
}
