// What the endpoints of a tenant that this server delivers to have in common: the end of the feed, and the reader of logs.
import type { FeedTail, FeedTails } from "../../live/followers/feed-tail.ts";
import { nextRows } from "../../live/followers/follow-feed.ts";
import { Signal } from "../../live/hints/signal.ts";
import type { Database } from "../../store/database.ts";
import type { DeliveryBudget } from "../delivery/budget.ts";
import type { DeliveryState } from "../delivery/state.ts";
import type { Encode } from "./entry.ts";
import { LogReader } from "./log-reader.ts";
import { feedSource, replaySource, type Source } from "./source.ts";

interface Wakes {
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
/** How often the feed is written if no endpoint waits for it, in milliseconds: what they have not taken is counted there. */
const LAZY_MS = 1_000;
/** What it costs to look into the logs and the feed, in milliseconds. */
const LOOK_MS = 2;

export class TenantReaders {
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
      shared = new SharedReader(this.#database, tenantId, this.#encode, onEmpty);
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
  readonly #onEmpty: () => void;
  readonly #workers = new Set<Wakes>();
  readonly #closing = new AbortController();
  #tail: FeedTail | undefined;
  /** Whether an endpoint has read all that there was since the workers were woken. */
  #hungry = false;
  readonly #hunger = new Signal();

  constructor(database: Database, tenantId: string, encode: Encode, onEmpty: () => void) {
    this.#database = database;
    this.#tenantId = tenantId;
    this.#encode = encode;
    this.#onEmpty = onEmpty;
    this.reader = new LogReader(database, tenantId, encode);
  }

  from(state: DeliveryState, since: Date | undefined): Source {
    const { place, feed } = state;
    if (place.kind === "replay") {
      return replaySource(this.#database, this.#tenantId, this.#encode, place, { ...feed, since });
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
    if (this.#workers.size > 0) return;
    this.close();
    this.#onEmpty();
  }

  close(): void {
    this.#closing.abort();
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
          for (const worker of this.#workers) worker.wake();
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
