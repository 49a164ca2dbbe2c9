// Tells followers of all conversations which members come and go, of those with whom they share a conversation.
import { setTimeout as sleep } from "node:timers/promises";
import { PresenceState } from "../../../gen/colloquy/v1/presence_pb.ts";
import { inBackground } from "../../domain/background.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Database } from "../../store/database.ts";
import { readPresence, readSharing } from "../../store/presence/presence.ts";
import type { PresenceNotices } from "../signals/presence-notices.ts";
import { absent, type MemberPresence, presenceOf } from "./state.ts";

/** A pause after a pass is so many times as long as the pass took, and within these bounds in milliseconds. */
const REST = 20;
const REST_MS = { least: 50, most: 2_000 };
/** Members of one pass; the others wait for the next. */
const MOST = 100;
/** After how long all are looked at, should a notice have been lost, in milliseconds. */
const LOOK_EVERY_MS = 30_000;

interface Follower {
  /** Who follows, as it was found last. */
  readonly caller: () => Caller;
  /** Drops what it has no room for. */
  readonly take: (presences: readonly MemberPresence[]) => void;
}

export class FeedPresence {
  readonly #database: Database;
  readonly #notices: PresenceNotices;
  readonly #tenants = new Map<string, TenantPresence>();

  constructor(database: Database, notices: PresenceNotices) {
    this.#database = database;
    this.#notices = notices;
  }

  /**
   * Tells a follower what changes. Returns a function that ends it, and when it has begun: who asks from then on who is
   * here misses nothing.
   */
  follow(tenantId: string, follower: Follower): { readonly begun: Promise<void>; readonly end: () => void } {
    const tenant = this.#tenants.get(tenantId) ?? new TenantPresence(this.#database, this.#notices, tenantId);
    this.#tenants.set(tenantId, tenant);
    tenant.followers.add(follower);
    const end = () => {
      tenant.followers.delete(follower);
      if (tenant.followers.size > 0 || this.#tenants.get(tenantId) !== tenant) return;
      this.#tenants.delete(tenantId);
      tenant.end();
    };
    return { begun: tenant.begun.promise, end };
  }
}

class TenantPresence {
  readonly followers = new Set<Follower>();
  readonly begun = Promise.withResolvers<void>();
  readonly #database: Database;
  readonly #tenantId: string;
  readonly #unlisten: () => void;
  readonly #ending = new AbortController();
  /** Who was here, as followers know. Undefined: nobody has been told anything. */
  #known: Map<string, PresenceState> | undefined;
  readonly #changed = new Set<string>();
  #all = true;
  #looked = 0;
  #wake: () => void = () => {};

  constructor(database: Database, notices: PresenceNotices, tenantId: string) {
    this.#database = database;
    this.#tenantId = tenantId;
    this.#unlisten = notices.listen(tenantId, (memberId) => {
      if (memberId === undefined) this.#all = true;
      else this.#changed.add(memberId);
      this.#wake();
    });
    void inBackground(() => this.#run());
  }

  end(): void {
    this.#unlisten();
    this.#ending.abort();
    this.begun.resolve();
    this.#wake();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      if (!this.#all && this.#changed.size === 0) await this.#news();
      if (performance.now() - this.#looked >= LOOK_EVERY_MS) this.#all = true;
      const began = performance.now();
      // What cannot be read now is read in the next pass over all.
      await this.#pass().catch(() => {
        this.#all = true;
      });
      const rest = (performance.now() - began) * REST;
      await sleep(Math.min(Math.max(rest, REST_MS.least), REST_MS.most), undefined, { signal, ref: false }).catch(
        () => {},
      );
    }
  }

  async #news(): Promise<void> {
    const timer = setTimeout(() => this.#wake(), LOOK_EVERY_MS);
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = () => {};
    clearTimeout(timer);
  }

  async #pass(): Promise<void> {
    if (this.#all) {
      this.#all = false;
      const here = (await readPresence(this.#database, this.#tenantId)).map(presenceOf);
      this.#looked = performance.now();
      if (this.#known === undefined) {
        this.#known = new Map(here.filter(isHere).map(({ memberId, state }) => [memberId, state]));
        this.begun.resolve();
      } else {
        const known = this.#known;
        for (const { memberId, state } of here) if (known.get(memberId) !== state) this.#changed.add(memberId);
        const present = new Set(here.filter(isHere).map(({ memberId }) => memberId));
        for (const memberId of known.keys()) if (!present.has(memberId)) this.#changed.add(memberId);
      }
    }
    const members = [...this.#changed].slice(0, MOST);
    for (const memberId of members) this.#changed.delete(memberId);
    if (members.length === 0) return;
    try {
      await this.#tell(members);
    } catch (error) {
      for (const memberId of members) this.#changed.add(memberId);
      throw error;
    }
  }

  async #tell(members: readonly string[]): Promise<void> {
    const rows = await readPresence(this.#database, this.#tenantId, members);
    const found = new Map(rows.map((row) => [row.member_id, presenceOf(row)]));
    const known = this.#known ?? new Map<string, PresenceState>();
    const news = members
      .map((memberId) => found.get(memberId) ?? absent(memberId))
      .filter(({ memberId, state }) => (known.get(memberId) ?? PresenceState.OFFLINE) !== state);
    if (news.length === 0) return;
    const seen = await this.#seen(news.map(({ memberId }) => memberId));
    for (const presence of news) {
      if (isHere(presence)) known.set(presence.memberId, presence.state);
      else known.delete(presence.memberId);
    }
    for (const follower of this.followers) {
      const visible = seen(follower.caller());
      const some = visible === "all" ? news : news.filter(({ memberId }) => visible.has(memberId));
      if (some.length > 0) follower.take(some);
    }
  }

  /** Of whom each follower may be told. Followers are looked up together, in one statement. */
  async #seen(members: readonly string[]): Promise<(caller: Caller) => "all" | ReadonlySet<string>> {
    const callers = [...this.followers].map(({ caller }) => caller());
    const viewers = callers.flatMap(({ viewer, memberId }) => (viewer.kind === "tenant" ? [] : (memberId ?? [])));
    const shared =
      viewers.length === 0
        ? new Map<string, Set<string>>()
        : await readSharing(this.#database, this.#tenantId, [...new Set(viewers)], members);
    return ({ viewer, memberId }) => (viewer.kind === "tenant" ? "all" : (shared.get(memberId ?? "") ?? NONE));
  }
}

const NONE: ReadonlySet<string> = new Set();

function isHere({ state }: MemberPresence): boolean {
  return state !== PresenceState.OFFLINE;
}
