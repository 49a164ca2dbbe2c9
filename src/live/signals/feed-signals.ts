// Signals for followers of all conversations that a caller sees.
import { setTimeout as sleep } from "node:timers/promises";
import { inBackground } from "../../domain/background.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Database } from "../../store/database.ts";
import { readSignalReaders } from "../../store/signals/signals.ts";
import type { Rights } from "../followers/rights.ts";
import type { SignalBoard } from "./board.ts";
import type { KeptSignal } from "./signal.ts";

/** A pause after a pass is so many times as long as the pass took, and within these bounds in milliseconds. */
const REST = 20;
const REST_MS = { least: 50, most: 2_000 };
/** Conversations of one pass; what is in more of them waits for the next. */
const MOST_CONVERSATIONS = 200;
/** Managers are asked for one by one. */
const MOST_OF_MANAGERS = 20;
const MAX_SEQ = 2n ** 63n - 1n;

interface Follower {
  /** Who follows, as it was found last. */
  readonly caller: () => Caller;
  /** Drops what it has no room for. */
  readonly take: (signals: readonly KeptSignal[]) => void;
}

/** Which of some conversations a follower sees at this moment. */
type Seen = (caller: Caller) => Promise<ReadonlySet<string>>;

export class FeedSignals {
  readonly #database: Database;
  readonly #rights: Rights;
  readonly #board: SignalBoard;
  readonly #tenants = new Map<string, TenantSignals>();

  constructor(database: Database, rights: Rights, board: SignalBoard) {
    this.#database = database;
    this.#rights = rights;
    this.#board = board;
  }

  /**
   * Gives a follower the signals that hold and those from now on, in conversations that it sees then. Returns a
   * function that ends it.
   */
  follow(tenantId: string, follower: Follower): () => void {
    let tenant = this.#tenants.get(tenantId);
    if (tenant === undefined) {
      const seenBy = (ids: readonly string[], callers: readonly Caller[]) => this.#seenBy(tenantId, ids, callers);
      tenant = new TenantSignals(this.#board, tenantId, seenBy);
      this.#tenants.set(tenantId, tenant);
    }
    const own = tenant;
    own.add(follower);
    return () => {
      if (own.remove(follower) === 0 && this.#tenants.get(tenantId) === own) this.#tenants.delete(tenantId);
    };
  }

  /** Members are looked up together, in one statement. */
  async #seenBy(tenantId: string, ids: readonly string[], callers: readonly Caller[]): Promise<Seen> {
    const members = callers.flatMap(({ viewer }) => (viewer.kind === "member" ? [viewer.memberId] : []));
    const found =
      members.length === 0
        ? new Map<string, Set<string>>()
        : await readSignalReaders(this.#database, tenantId, ids, [...new Set(members)]);
    const all = new Set(ids);
    return async (caller) => {
      const { viewer } = caller;
      if (viewer.kind === "tenant") return all;
      if (viewer.kind === "member") return found.get(viewer.memberId) ?? NONE;
      const few = ids.slice(0, MOST_OF_MANAGERS);
      const signal = AbortSignal.timeout(REST_MS.most);
      const sees = await Promise.all(few.map((id) => this.#rights.sees(caller, id, signal).catch(() => false)));
      return new Set(few.filter((_, index) => sees[index]));
    };
  }
}

const NONE: ReadonlySet<string> = new Set();

/** The followers of one tenant. */
class TenantSignals {
  readonly #board: SignalBoard;
  readonly #tenantId: string;
  readonly #seenBy: (ids: readonly string[], callers: readonly Caller[]) => Promise<Seen>;
  readonly #followers = new Set<Follower>();
  /** Those who have not been told what held when they came. */
  readonly #newcomers = new Set<Follower>();
  readonly #unlisten: () => void;
  /** The number of the last signal that was delivered. */
  #number: number;
  #passing = false;

  constructor(
    board: SignalBoard,
    tenantId: string,
    seenBy: (ids: readonly string[], callers: readonly Caller[]) => Promise<Seen>,
  ) {
    this.#board = board;
    this.#tenantId = tenantId;
    this.#seenBy = seenBy;
    this.#number = board.last;
    this.#unlisten = board.listen(tenantId, undefined, () => this.#wake());
  }

  add(follower: Follower): void {
    this.#followers.add(follower);
    this.#newcomers.add(follower);
    this.#wake();
  }

  /** Returns how many are left. */
  remove(follower: Follower): number {
    this.#followers.delete(follower);
    this.#newcomers.delete(follower);
    if (this.#followers.size === 0) this.#unlisten();
    return this.#followers.size;
  }

  #wake(): void {
    if (!this.#passing) void inBackground(() => this.#passes());
  }

  async #passes(): Promise<void> {
    this.#passing = true;
    while ((this.#number < this.#board.last || this.#newcomers.size > 0) && this.#followers.size > 0) {
      const began = performance.now();
      // A pass that fails is lost, as signals may be.
      await this.#pass().catch(() => {});
      const rest = (performance.now() - began) * REST;
      await sleep(Math.min(Math.max(rest, REST_MS.least), REST_MS.most));
    }
    this.#passing = false;
  }

  async #pass(): Promise<void> {
    const from = this.#number;
    this.#number = this.#board.last;
    const newcomers = [...this.#newcomers];
    this.#newcomers.clear();
    const others = this.#followers.difference(new Set(newcomers));
    await this.#deliver(0, newcomers);
    await this.#deliver(from, [...others]);
  }

  /** Gives some followers what came after a number and still holds. */
  async #deliver(from: number, followers: readonly Follower[]): Promise<void> {
    const lists = new Map<string, readonly KeptSignal[]>();
    for (const id of this.#board.conversationsAfter(this.#tenantId, from).slice(0, MOST_CONVERSATIONS)) {
      const list = this.#board.after(this.#tenantId, id, from, MAX_SEQ);
      if (list.length > 0) lists.set(id, list);
    }
    if (lists.size === 0 || followers.length === 0) return;
    const callers = followers.map(({ caller }) => caller());
    const seen = await this.#seenBy([...lists.keys()], callers);
    for (const follower of followers) {
      for (const id of await seen(follower.caller())) {
        if (this.#followers.has(follower)) follower.take(lists.get(id) ?? []);
      }
    }
  }
}
