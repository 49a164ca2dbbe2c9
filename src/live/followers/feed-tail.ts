// The end of a tenant's feed: read once for all of its followers on this server, while there are any.

import { inBackground } from "../../domain/background.ts";
import type { Database } from "../../store/database.ts";
import { advanceFeed, advanceGrown, type FeedRow, grownLogs, readFeed } from "../../store/feed/feed.ts";
import type { Hints, Waker } from "../hints/hints.ts";
import { Signal } from "../hints/signal.ts";
import { HeldPages } from "./held-pages.ts";
import { Members } from "./ref-count.ts";

/** How many rows are cached for followers that lag behind. */
const MAX_ROWS = 2_000;
const PAGE = 500;
/** All logs of the tenant are polled this often, in milliseconds: the maximum delay after a lost hint. */
const POLL_MS = 1_500;
/** Changes within this many milliseconds are added to the feed together. */
const GATHER_MS = 10;
/** Polling all logs of a large tenant takes long; it may use at most this share of the time. */
const MAX_SHARE = 0.1;

export interface FeedTail {
  /** The last known position. */
  readonly position: bigint;
  /** The rows after a position; undefined: not all are cached, read them from the database. */
  after(position: bigint): readonly FeedRow[] | undefined;
  /** Resolves when there are more rows, or after `ms` milliseconds. Rejects with the signal's reason. */
  grown(ms: number, signal: AbortSignal): Promise<void>;
  leave(): void;
}

export interface FeedTails {
  /** Joins the followers of a tenant's feed. For the first one, the feed is brought up to the last commit. */
  join(tenantId: string): Promise<FeedTail>;
  /** What followers have read and not given away yet. */
  readonly pages: HeldPages;
}

export function createFeedTails(database: Database, hints: Hints): FeedTails {
  const tails = new Map<string, SharedFeed>();
  return {
    pages: new HeldPages(),
    async join(tenantId) {
      let tail = tails.get(tenantId);
      if (tail === undefined) {
        tail = new SharedFeed(database, hints, tenantId, () => tails.delete(tenantId));
        tails.set(tenantId, tail);
      }
      return tail.join();
    },
  };
}

class SharedFeed {
  readonly #database: Database;
  readonly #tenantId: string;
  readonly #rows: FeedRow[] = [];
  readonly #growth = new Signal();
  /** How many wait for more; while nobody does, nothing is read. */
  #waiting = 0;
  readonly #wanted = new Signal();
  readonly #stopping = new AbortController();
  readonly #ready: Promise<void>;
  readonly #members: Members;
  /** Everything after this position is cached. */
  #from = 0n;
  #position = 0n;
  /** When all logs are polled next. */
  #nextLook = performance.now() + POLL_MS;
  #looking = false;
  /** Whether hints may have been lost since the poll under way began. */
  #lookAgain = false;
  #advanced: Promise<void> = Promise.resolve();

  constructor(database: Database, hints: Hints, tenantId: string, onEmpty: () => void) {
    this.#database = database;
    this.#tenantId = tenantId;
    this.#members = new Members(() => {
      this.#stopping.abort();
      onEmpty();
    });
    const waker = hints.listen({ kind: "log", tenantId });
    this.#ready = advanceFeed(database, tenantId, undefined).then((position) => {
      this.#from = position;
      this.#position = position;
      void inBackground(() => this.#follow(waker));
    });
    this.#ready.catch(() => waker.close());
  }

  async join(): Promise<FeedTail> {
    const leave = this.#members.join();
    try {
      await this.#ready;
    } catch (error) {
      leave();
      throw error;
    }
    const position = () => this.#position;
    return {
      get position() {
        return position();
      },
      after: (from) => this.#after(from),
      grown: (ms, signal) => this.#grown(ms, signal),
      leave,
    };
  }

  async #grown(ms: number, signal: AbortSignal): Promise<void> {
    this.#waiting++;
    this.#wanted.wake();
    try {
      await this.#growth.wait(ms, signal);
    } finally {
      this.#waiting--;
    }
  }

  #after(position: bigint): readonly FeedRow[] | undefined {
    if (position < this.#from) return undefined;
    // Rows of purged conversations leave gaps, so positions are searched for.
    let first = this.#rows.length;
    while (first > 0 && (this.#rows[first - 1] as FeedRow).position > position) first--;
    return this.#rows.slice(first);
  }

  async #follow(waker: Waker): Promise<void> {
    const { signal } = this.#stopping;
    try {
      while (!signal.aborted) {
        const untilLook = this.#looking ? POLL_MS : Math.max(this.#nextLook - performance.now(), 0);
        await waker.wait(untilLook, signal);
        await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
        while (this.#waiting === 0) await this.#wanted.wait(POLL_MS, signal);
        const named = waker.named();
        if (named === undefined) this.#lookAgain = true;
        if (named === undefined || performance.now() >= this.#nextLook) void this.#lookEverywhere();
        if (named === undefined || named.size === 0) continue;
        try {
          await this.#advance(() => advanceFeed(this.#database, this.#tenantId, [...named]));
        } catch {
          // The database is unavailable: the next poll of all logs finds what the hints named.
          await waker.wait(POLL_MS / 3, signal);
          this.#nextLook = Number.NEGATIVE_INFINITY;
        }
      }
    } catch {
      // There are no followers left.
    } finally {
      waker.close();
    }
  }

  /** Polls all logs, of which there may be many: what hints name is added meanwhile. */
  async #lookEverywhere(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    let pauseMs = POLL_MS;
    do {
      this.#lookAgain = false;
      const began = performance.now();
      try {
        const grown = await grownLogs(this.#database, this.#tenantId);
        pauseMs = Math.max(POLL_MS, (performance.now() - began) / MAX_SHARE);
        await this.#advance(() => advanceGrown(this.#database, this.#tenantId, grown));
      } catch {
        pauseMs = POLL_MS / 3;
      }
    } while (this.#lookAgain && !this.#stopping.signal.aborted);
    this.#nextLook = performance.now() + pauseMs;
    this.#looking = false;
  }

  /** One after the other. */
  #advance(advance: () => Promise<bigint>): Promise<void> {
    const next = this.#advanced.then(async () => this.#readTo(await advance()));
    this.#advanced = next.catch(() => {});
    return next;
  }

  async #readTo(position: bigint): Promise<void> {
    while (this.#position < position) {
      const rows = await readFeed(this.#database, this.#tenantId, this.#position + 1n, PAGE);
      this.#rows.push(...rows);
      if (this.#rows.length > MAX_ROWS) {
        const dropped = this.#rows.splice(0, this.#rows.length - MAX_ROWS);
        this.#from = dropped.at(-1)?.position ?? this.#from;
      }
      // Another server may have added more meanwhile, and rows of purged conversations are missing.
      const last = rows.at(-1)?.position ?? position;
      this.#position = rows.length < PAGE && last < position ? position : last;
      this.#growth.wake();
    }
  }
}
