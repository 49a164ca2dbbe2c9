// What the endpoints of a tenant that this server delivers to have in common: the end of the feed, and the reader of
// logs.
import type { FeedTail, FeedTails } from "../../live/followers/feed-tail.ts";
import { nextRows } from "../../live/followers/follow-feed.ts";
import { Signal } from "../../live/hints/signal.ts";
import type { Database } from "../../store/database.ts";
import type { DeliveryBudget } from "../delivery/budget.ts";
import type { DeliveryState } from "../delivery/state.ts";
import type { Encode } from "./entry.ts";
import { HeldEntries } from "./held.ts";
import { LogReader } from "./log-reader.ts";
import { feedSource, replaySource, type Source } from "./source.ts";

/** Endpoints that may be dead and are woken together, and the pause after them, in milliseconds. */
const WAKE_AT_ONCE = 20;
const WAKE_EVERY_MS = 5;

interface Wakes {
  /** Whether it took the last request. */
  readonly proven: boolean;
  wake(): void;
}

export interface TenantReader {
  readonly reader: LogReader;
  /** What an endpoint gets from where it is; a replay begins at `since`. */
  from(state: DeliveryState, since: Date | undefined): Source;
  /** Wakes a worker whenever the feed has grown, until it leaves. */
  wakes(worker: Wakes): void;
  leave(worker: Wakes): void;
}

/** How long a wait for the feed lasts, and the pause after a failure, in milliseconds. */
const WAIT_MS = 60_000;
const TROUBLE_MS = 1_000;
/**
 * How often the feed is written if no endpoint waits for it, in milliseconds: what they have not taken is counted
 * there.
 */
const LAZY_MS = 1_000;
/** What it costs to look into the logs and the feed, in milliseconds. */
const LOOK_MS = 2;

export class TenantReaders {
  /** Of all tenants. */
  readonly held = new HeldEntries();
  readonly #database: Database;
  readonly #feeds: FeedTails;
  readonly #encode: Encode;
  readonly #budget: DeliveryBudget;
  readonly #onTrouble: (error: unknown) => void;
  readonly #tenants = new Map<string, SharedReader>();

  constructor(
    database: Database,
    feeds: FeedTails,
    encode: Encode,
    budget: DeliveryBudget,
    onTrouble: (error: unknown) => void,
  ) {
    this.#budget = budget;
    this.#database = database;
    this.#feeds = feeds;
    this.#encode = encode;
    this.#onTrouble = onTrouble;
  }

  join(tenantId: string): TenantReader {
    let shared = this.#tenants.get(tenantId);
    if (shared === undefined) {
      const onEmpty = () => this.#tenants.delete(tenantId);
      shared = new SharedReader(this.#database, tenantId, this.#encode, this.held, onEmpty);
      void shared.follow(this.#feeds, this.#budget, this.#onTrouble);
      this.#tenants.set(tenantId, shared);
    }
    return shared;
  }

  close(): void {
    for (const shared of this.#tenants.values()) shared.close();
  }
}

class SharedReader implements TenantReader {
  readonly reader: LogReader;
  readonly #database: Database;
  readonly #tenantId: string;
  readonly #encode: Encode;
  readonly #held: HeldEntries;
  readonly #onEmpty: () => void;
  readonly #workers = new Set<Wakes>();
  /** Those that are to be woken and may be dead. */
  readonly #doubtful = new Set<Wakes>();
  #waking = false;
  readonly #closing = new AbortController();
  #tail: FeedTail | undefined;
  /** Whether an endpoint has read all that there was since the workers were woken. */
  #hungry = false;
  readonly #hunger = new Signal();

  constructor(database: Database, tenantId: string, encode: Encode, held: HeldEntries, onEmpty: () => void) {
    this.#database = database;
    this.#held = held;
    this.#tenantId = tenantId;
    this.#encode = encode;
    this.#onEmpty = onEmpty;
    this.reader = new LogReader(database, tenantId, encode, held);
  }

  from(state: DeliveryState, since: Date | undefined): Source {
    const { place, feed } = state;
    if (place.kind === "replay") {
      return replaySource(this.#database, this.#tenantId, this.#encode, this.#held, place, { ...feed, since });
    }
    const { signal } = this.#closing;
    // Before the feed is followed, nothing is known of what comes; the first wake tells.
    const rows = async (position: bigint, seq: bigint) => {
      const tail = this.#tail;
      const found = tail && (await nextRows(this.#database, tail, this.#tenantId, { position, seq }, signal));
      if (found !== undefined && found.length > 0) return found;
      this.#hungry = true;
      this.#hunger.wake();
      return [];
    };
    return feedSource(rows, this.reader, this.#encode, place);
  }

  wakes(worker: Wakes): void {
    this.#workers.add(worker);
  }

  leave(worker: Wakes): void {
    this.#workers.delete(worker);
    this.#doubtful.delete(worker);
    if (this.#workers.size > 0) return;
    this.close();
    this.#onEmpty();
  }

  close(): void {
    this.#closing.abort();
  }

  /**
   * Those that take what they are sent first. Hundreds that may be dead do not look all at once: the process has other
   * work.
   */
  #wakeAll(signal: AbortSignal): void {
    for (const worker of this.#workers) {
      if (worker.proven) worker.wake();
      else this.#doubtful.add(worker);
    }
    if (this.#doubtful.size > 0 && !this.#waking) void this.#wakeDoubtful(signal);
  }

  async #wakeDoubtful(signal: AbortSignal): Promise<void> {
    this.#waking = true;
    while (this.#doubtful.size > 0 && !signal.aborted) {
      let left = WAKE_AT_ONCE;
      for (const worker of this.#doubtful) {
        if (left-- === 0) break;
        this.#doubtful.delete(worker);
        worker.wake();
      }
      await new Promise((resolve) => setTimeout(resolve, WAKE_EVERY_MS));
    }
    this.#waking = false;
  }

  /** Wakes the workers until all have left. */
  async follow(feeds: FeedTails, budget: DeliveryBudget, onTrouble: (error: unknown) => void): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        this.#tail = await feeds.join(this.#tenantId);
        for (;;) {
          const { position } = this.#tail;
          this.#hungry = false;
          this.#wakeAll(signal);
          await budget.turn(LOOK_MS, signal);
          if (!this.#hungry) await this.#hunger.wait(LAZY_MS, signal);
          // It may have grown for others meanwhile.
          if (this.#tail.position === position) await this.#tail.grown(WAIT_MS, signal);
        }
      } catch (error) {
        this.#tail?.leave();
        this.#tail = undefined;
        if (signal.aborted) return;
        onTrouble(error);
        await new Promise((resolve) => setTimeout(resolve, TROUBLE_MS));
      }
    }
  }
}
