// The end of a log: read once for all of its followers, and cached briefly.
import { inBackground } from "../../domain/background.ts";
import { systemCaller } from "../../domain/identity/caller.ts";
import type { Database } from "../../store/database.ts";
import { areCut } from "../../store/driver/row-budget.ts";
import { type LogEntry, readLog } from "../../store/messages/messages.ts";
import type { Hints } from "../hints/hints.ts";
import { Deliveries, type SignalReader, type TakeEntries } from "./fan-out.ts";
import { LogPoll } from "./log-poll.ts";
import { Members } from "./ref-count.ts";

/** How many entries, and how many characters of text, are cached for followers that lag behind. */
const MAX_ENTRIES = 500;
const MAX_CHARACTERS = 1_000_000;
/** Text delivered at a time: little, because a slow follower keeps it in memory. */
const BATCH_CHARACTERS = 64 * 1024;
const PAGE = 200;
/**
 * From this many new entries on, they are delivered before more are read: followers would fall behind the cache
 * otherwise.
 */
const BURST = 20;
/** No timeout: the shared poll notices growth without a hint. */
const WITHOUT_END_MS = 2 ** 31 - 1;
const RETRY_MS = 500;

export interface LogTail {
  /**
   * Some entries after a place in the log, one list shared by simultaneous callers; empty: there are none. Undefined:
   * not all are cached, read them from the database.
   */
  after(seq: bigint): readonly LogEntry[] | undefined;
  /**
   * Delivers entries after a place as they arrive, until `take` returns false. Resolves then, or after `ms`
   * milliseconds. Rejects with the signal's reason, or what `take` throws. `signals` gets those that hold now, sent no
   * later than what was read, and then new ones.
   */
  deliver(
    seq: bigint,
    take: TakeEntries,
    ms: number,
    signal: AbortSignal,
    signals?: SignalReader | undefined,
  ): Promise<void>;
  leave(): void;
}

export interface LogTails {
  /** Follows the end of a log for a caller that has read everything up to `seq`. */
  join(tenantId: string, conversationId: string, seq: bigint): LogTail;
}

export function createLogTails(database: Database, hints: Hints): LogTails {
  const tails = new Map<string, SharedTail>();
  const poll = new LogPoll(database);
  return {
    join(tenantId, conversationId, seq) {
      const key = `${tenantId}/${conversationId}`;
      const tail = tails.get(key);
      if (tail?.covers(seq)) return tail.join();
      const made = new SharedTail(database, hints, poll, tenantId, conversationId, seq, () => {
        if (tails.get(key) === made) tails.delete(key);
      });
      tails.set(key, made);
      return made.join();
    },
  };
}

const NOTHING: readonly LogEntry[] = [];

class SharedTail {
  readonly #entries: LogEntry[] = [];
  readonly #deliveries: Deliveries;
  readonly #stopping = new AbortController();
  readonly #members: Members;
  #characters = 0;
  /** Everything after this place is cached. */
  #from: bigint;
  /** The last result: most followers are at the same place. */
  #asked: { readonly seq: bigint; readonly entries: readonly LogEntry[] } | undefined;

  constructor(
    database: Database,
    hints: Hints,
    poll: LogPoll,
    tenantId: string,
    conversationId: string,
    seq: bigint,
    onEmpty: () => void,
  ) {
    this.#from = seq;
    const { board } = hints.signals;
    this.#deliveries = new Deliveries(
      (after) => this.#after(after),
      (number, read) => board.after(tenantId, conversationId, number, read),
    );
    const unlisten = board.listen(tenantId, conversationId, () => void this.#deliveries.serveSignals());
    this.#members = new Members(() => {
      this.#stopping.abort();
      unlisten();
      onEmpty();
    });
    void inBackground(() => this.#follow(database, hints, poll, tenantId, conversationId));
  }

  join(): LogTail {
    return {
      after: (seq) => this.#after(seq),
      deliver: (...following) => this.#deliveries.add(...following),
      leave: this.#members.join(),
    };
  }

  /**
   * Whether a follower that has read up to `seq` can join without missing entries. Not if the tail began at a later
   * place, which may even be beyond the end of the log, because callers choose where to begin.
   */
  covers(seq: bigint): boolean {
    return seq >= this.#from || this.#entries.length > 0;
  }

  get #end(): bigint {
    return this.#from + BigInt(this.#entries.length);
  }

  #after(seq: bigint): readonly LogEntry[] | undefined {
    if (seq < this.#from) return undefined;
    if (seq >= this.#end) return NOTHING;
    if (this.#asked?.seq === seq) return this.#asked.entries;
    // The log has no gaps, so `seq` gives the index.
    const first = Number(seq - this.#from);
    let last = first;
    for (let room = BATCH_CHARACTERS; last < this.#entries.length && room > 0; last++) {
      room -= this.#entries[last]?.content?.length ?? 0;
    }
    const entries = this.#entries.slice(first, last);
    this.#asked = { seq, entries };
    return entries;
  }

  async #follow(
    database: Database,
    hints: Hints,
    poll: LogPoll,
    tenantId: string,
    conversationId: string,
  ): Promise<void> {
    const server = systemCaller(tenantId, "server");
    const { signal } = this.#stopping;
    const waker = hints.listen({ kind: "log", tenantId, conversationId });
    try {
      while (!signal.aborted) {
        const rows = await readLog(database, server, conversationId, this.#end, PAGE, { showDeleted: true }).catch(
          () => "failed" as const,
        );
        if (rows === "failed") {
          await waker.wait(RETRY_MS, signal);
          continue;
        }
        for (const row of rows ?? []) this.#keep(row);
        // The log is gone: followers find out when they read it themselves.
        if (rows === undefined) this.#deliveries.dismiss();
        else if (rows.length > 0) {
          const served = this.#deliveries.serve();
          if (rows.length >= BURST) await served;
        }
        if (rows?.length === PAGE || areCut(rows)) continue;
        const grown = new AbortController();
        const unwatch = poll.watch(
          tenantId,
          conversationId,
          () => this.#end,
          () => grown.abort(),
        );
        await waker.wait(WITHOUT_END_MS, AbortSignal.any([signal, grown.signal])).catch(() => {});
        unwatch();
      }
    } catch {
      // There are no followers left.
    } finally {
      waker.close();
    }
  }

  #keep(entry: LogEntry): void {
    this.#asked = undefined;
    this.#entries.push(entry);
    this.#characters += entry.content?.length ?? 0;
    while (this.#entries.length > MAX_ENTRIES || (this.#characters > MAX_CHARACTERS && this.#entries.length > 1)) {
      this.#characters -= this.#entries.shift()?.content?.length ?? 0;
      this.#from++;
    }
  }
}
