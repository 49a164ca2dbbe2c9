// Keeps who subscribes to this server in the database: a write when a member comes or has gone, none while it stays.
import { setTimeout as sleep } from "node:timers/promises";
import { inBackground } from "../../domain/background.ts";
import { newId } from "../../domain/ids/id.ts";
import type { Database } from "../../store/database.ts";
import {
  buryPresence,
  enterPresence,
  leavePresence,
  overduePresence,
  renewPresence,
  resignPresence,
} from "../../store/presence/presence.ts";
import type { Signals } from "../signals/signals.ts";

export interface PresenceTimes {
  /** How long what a server says holds, unless it renews it. */
  readonly leaseMs: number;
  /** How often it renews it, and looks for servers that did not. */
  readonly renewMs: number;
  /** A member whose last stream ended may come back for so long without having left. */
  readonly graceMs: number;
  /** How often comings and goings are written, all of a tenant together. */
  readonly writeMs: number;
}

const TIMES: PresenceTimes = { leaseMs: 30_000, renewMs: 10_000, graceMs: 10_000, writeMs: 100 };
/** Members in one statement. */
const BATCH = 500;

export interface PresenceOptions {
  readonly database: Database;
  readonly signals: Signals;
  /** Called when a round failed; it is tried again. */
  readonly onError: (error: unknown) => void;
  readonly times?: Partial<PresenceTimes>;
}

interface Stay {
  streams: number;
  /** Whether the database has it. */
  written: boolean;
  /** When the last stream ended, in terms of `performance.now()`. */
  ended: number;
}

export class Presence {
  readonly #database: Database;
  readonly #signals: Signals;
  readonly #onError: (error: unknown) => void;
  readonly #times: PresenceTimes;
  readonly #server = newId();
  readonly #tenants = new Map<string, Map<string, Stay>>();
  readonly #stopping = new AbortController();
  /** Tenants in which somebody came or went since the last write. */
  readonly #changed = new Set<string>();
  #running: Promise<unknown> | undefined;
  #wake: () => void = () => {};

  constructor({ database, signals, onError, times }: PresenceOptions) {
    this.#database = database;
    this.#signals = signals;
    this.#onError = onError;
    this.#times = { ...TIMES, ...times };
  }

  start(): void {
    this.#running ??= inBackground(() => Promise.all([this.#write(), this.#keep()]));
  }

  /** A member has begun to subscribe. Returns a function that ends it. */
  enter(tenantId: string, memberId: string): () => void {
    const members = this.#tenants.get(tenantId) ?? new Map<string, Stay>();
    this.#tenants.set(tenantId, members);
    const stay = members.get(memberId) ?? { streams: 0, written: false, ended: 0 };
    members.set(memberId, stay);
    stay.streams++;
    if (!stay.written) this.#note(tenantId);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      stay.streams--;
      stay.ended = performance.now();
      if (stay.streams === 0) this.#note(tenantId);
    };
  }

  /** Those who subscribed here have gone a moment later, unless they come back on another server. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    const some = [...this.#tenants.values()].some((members) => members.size > 0);
    if (some) await resignPresence(this.#database, this.#server, this.#times.graceMs).catch(() => {});
  }

  #note(tenantId: string): void {
    this.#changed.add(tenantId);
    this.#wake();
  }

  async #write(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      if (this.#changed.size === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      this.#wake = () => {};
      await this.#pause(this.#times.writeMs);
      for (const tenantId of [...this.#changed]) {
        if (signal.aborted) return;
        this.#changed.delete(tenantId);
        const again = await this.#writeTenant(tenantId).catch((error: unknown) => {
          if (!signal.aborted) this.#onError(error);
          return this.#times.renewMs;
        });
        if (again !== undefined) setTimeout(() => this.#note(tenantId), again).unref();
      }
    }
  }

  /** Returns after how many milliseconds somebody will have gone. */
  async #writeTenant(tenantId: string): Promise<number | undefined> {
    const members = this.#tenants.get(tenantId) ?? new Map<string, Stay>();
    const { leaseMs, graceMs } = this.#times;
    const come = [...members].filter(([, { streams, written }]) => streams > 0 && !written).map(([id]) => id);
    for (let first = 0; first < come.length; first += BATCH) {
      const some = come.slice(first, first + BATCH);
      const news = await enterPresence(this.#database, tenantId, this.#server, some, leaseMs);
      for (const id of some) this.#written(tenantId, members, id, true);
      this.#tell(tenantId, news);
    }
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    const gone = new Map<string, number>();
    for (const [id, { streams, written, ended }] of members) {
      if (streams > 0) continue;
      if (!written) members.delete(id);
      else if (now - ended < graceMs) next = Math.min(next, graceMs - (now - ended));
      else if (gone.size < BATCH) gone.set(id, now - ended);
      else next = 0;
    }
    if (gone.size > 0) {
      const news = await leavePresence(this.#database, tenantId, this.#server, gone);
      for (const id of gone.keys()) this.#written(tenantId, members, id, false);
      this.#tell(tenantId, news);
    }
    if (members.size === 0) this.#tenants.delete(tenantId);
    return Number.isFinite(next) ? next + 1 : undefined;
  }

  /** Who came back while it was written to have gone is written again. */
  #written(tenantId: string, members: Map<string, Stay>, memberId: string, written: boolean): void {
    const stay = members.get(memberId);
    if (stay !== undefined) stay.written = written;
    if (stay?.streams === 0 && !written) members.delete(memberId);
    else if (stay !== undefined && stay.streams > 0 !== written) this.#changed.add(tenantId);
  }

  #tell(tenantId: string, members: readonly string[]): void {
    for (const memberId of members) this.#signals.tellPresence({ tenantId, memberId });
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#pause(this.#times.renewMs);
      if (signal.aborted) return;
      await this.#round().catch((error: unknown) => {
        if (!signal.aborted) this.#onError(error);
      });
    }
  }

  async #round(): Promise<void> {
    const { leaseMs } = this.#times;
    if (this.#tenants.size > 0) {
      const counts = await renewPresence(this.#database, this.#server, leaseMs);
      for (const [tenantId, members] of this.#tenants) {
        const known = [...members.values()].filter(({ written }) => written);
        // Another server took this one for dead, or presence was off for a while.
        if (known.length <= (counts.get(tenantId) ?? 0)) continue;
        for (const stay of known) if (stay.streams > 0) stay.written = false;
        this.#note(tenantId);
      }
    }
    for (const tenantId of await overduePresence(this.#database)) {
      this.#tell(tenantId, await buryPresence(this.#database, tenantId));
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal, ref: false }).catch(() => {});
  }
}
