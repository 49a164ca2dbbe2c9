// Queued turns of this server: woken when an earlier one ends, and checked in one batch.
import type { Logger } from "pino";
import { inBackground } from "../../domain/background.ts";
import type { TurnTimes } from "../../domain/turns/turn.ts";
import type { Hints, Waker } from "../../live/hints/hints.ts";
import type { Database } from "../../store/database.ts";
import { renewWaiting, startTurn } from "../../store/turns/queued-turns.ts";
import type { TurnPlace } from "../../store/turns/turns.ts";

export interface WaitingTurn {
  readonly place: TurnPlace;
  /** The `seq` of its message; turns run in this order. */
  readonly seq: bigint;
  /** Called when it has started. */
  started(): void;
  /** Called when it must stop, with the reason of `saveTurn`; undefined: another server has ended it. */
  stopped(reason: string | undefined): void;
}

export interface WaitingTurnsOptions {
  readonly database: Database;
  readonly hints: Hints;
  readonly times: TurnTimes;
  /** The id of this server in the rows of turns. */
  readonly server: string;
  readonly log: Logger;
}

/** Effectively no timeout, in milliseconds. */
const LONG_MS = 3_600_000;

/** The queued turns of one conversation, next first. */
interface Line {
  readonly turns: WaitingTurn[];
  readonly waker: Waker;
  starting: boolean;
}

/**
 * Costs one statement for each start or end of an earlier turn, and one for each tenant at each renewal of leases,
 * however many turns wait.
 */
export class WaitingTurns {
  readonly #options: WaitingTurnsOptions;
  readonly #lines = new Map<string, Line>();
  readonly #renewing: NodeJS.Timeout;
  #busy = false;

  constructor(options: WaitingTurnsOptions) {
    this.#options = options;
    this.#renewing = setInterval(() => void this.#renew(), options.times.renewEveryMs);
    this.#renewing.unref();
  }

  add(turn: WaitingTurn): void {
    const key = keyOf(turn.place);
    const line = this.#lines.get(key) ?? this.#open(key, turn.place);
    const after = line.turns.findIndex(({ seq }) => seq > turn.seq);
    line.turns.splice(after < 0 ? line.turns.length : after, 0, turn);
    // Earlier turns may have ended before it was queued here.
    if (line.turns[0] === turn) void this.#start(line);
  }

  remove(turn: WaitingTurn): void {
    const key = keyOf(turn.place);
    const line = this.#lines.get(key);
    const at = line?.turns.indexOf(turn) ?? -1;
    if (line === undefined || at < 0) return;
    line.turns.splice(at, 1);
    if (line.turns.length > 0) return;
    this.#lines.delete(key);
    line.waker.close();
  }

  close(): void {
    clearInterval(this.#renewing);
    for (const { waker } of this.#lines.values()) waker.close();
    this.#lines.clear();
  }

  #open(key: string, { tenantId, conversationId }: TurnPlace): Line {
    const waker = this.#options.hints.listen({ kind: "state", tenantId, conversationId });
    const line: Line = { turns: [], waker, starting: false };
    this.#lines.set(key, line);
    void inBackground(() => this.#watch(key, line));
    return line;
  }

  async #watch(key: string, line: Line): Promise<void> {
    while (this.#lines.get(key) === line) {
      await line.waker.wait(LONG_MS);
      if (this.#lines.get(key) === line) await this.#start(line);
    }
  }

  /** Starts the first one if no earlier turn is open. */
  async #start(line: Line): Promise<void> {
    const [first] = line.turns;
    if (first === undefined || line.starting) return;
    line.starting = true;
    try {
      if ((await startTurn(this.#options.database, first.place, this.#options.server)) === undefined) return;
      this.remove(first);
      first.started();
    } catch (error) {
      this.#options.log.warn({ err: error, turnId: first.place.id }, "could not start a queued turn yet");
    } finally {
      line.starting = false;
    }
  }

  async #renew(): Promise<void> {
    if (this.#busy || this.#lines.size === 0) return;
    this.#busy = true;
    try {
      const tenants = Map.groupBy(this.#lines.values(), ({ turns }) => turns[0]?.place.tenantId ?? "");
      for (const [tenantId, lines] of tenants) await this.#renewIn(tenantId, lines);
    } catch (error) {
      this.#options.log.warn({ err: error }, "could not check the waiting turns");
    } finally {
      this.#busy = false;
    }
  }

  async #renewIn(tenantId: string, lines: readonly Line[]): Promise<void> {
    const { database, times, server } = this.#options;
    const asked = lines.filter(({ starting }) => !starting).map((line) => ({ line, turns: [...line.turns] }));
    const ids = asked.flatMap(({ turns }) => turns.map(({ place }) => place.id));
    if (ids.length === 0) return;
    const renewed = await renewWaiting(database, tenantId, ids, { server, leaseMs: times.leaseMs });
    const rows = new Map(renewed.map((row) => [row.id, row]));
    for (const { line, turns } of asked) {
      for (const turn of turns) {
        // It may have been started meanwhile.
        if (line.starting || !line.turns.includes(turn)) continue;
        const row = rows.get(turn.place.id);
        if (row === undefined || row.stop !== null) turn.stopped(row?.stop ?? undefined);
        else if (row.next) void this.#start(line);
      }
    }
  }
}

function keyOf({ tenantId, conversationId }: TurnPlace): string {
  return `${tenantId}/${conversationId}`;
}
