// Caches keys, tenants and members of the store, so that known ones need no round trip.
import type { Role } from "../domain/identity/principal.ts";
import { type Clock, LoadingCache } from "./bounded-cache.ts";
import {
  FRESH_MS,
  type KeyRecord,
  type KeyStore,
  type MemberRecord,
  type MemberStore,
  type TenantRecord,
  type TenantStore,
} from "./store-interfaces.ts";

/** A slug has up to 63 characters, a UUID 36. */
const MAX_TENANT_NAME = 63;

export interface DirectoryOptions {
  readonly keys: KeyStore;
  readonly tenants: TenantStore;
  readonly members: MemberStore;
  readonly now?: Clock;
  /** Cached entries of each kind. Default 10,000. */
  readonly max?: number;
}

/**
 * The cached directory. A change by this server takes effect at once, because it calls `forget…`; a change by another
 * server as soon as that one tells, and within `FRESH_MS` at the latest.
 */
export class Directory {
  readonly #options: DirectoryOptions;
  readonly #keys: LoadingCache<KeyRecord>;
  readonly #tenants: LoadingCache<TenantRecord>;
  readonly #members: LoadingCache<MemberRecord>;

  constructor(options: DirectoryOptions) {
    const cache = { max: options.max ?? 10_000, ttlMs: FRESH_MS, now: options.now ?? (() => performance.now()) };
    this.#options = options;
    this.#keys = new LoadingCache(cache);
    this.#tenants = new LoadingCache(cache);
    this.#members = new LoadingCache(cache);
  }

  key(tenantId: string, keyId: string): Promise<KeyRecord | undefined> {
    return this.#keys.get(join(tenantId, keyId), () => this.#options.keys.find(tenantId, keyId));
  }

  /** The cached key: null for a cached absence, undefined if it is not cached. */
  knownKey(tenantId: string, keyId: string): KeyRecord | null | undefined {
    return this.#keys.peek(join(tenantId, keyId));
  }

  forgetKey(tenantId: string, keyId: string): void {
    this.#keys.forget(join(tenantId, keyId));
  }

  /** Finds a tenant by its UUID or slug. A text that can be neither is not looked up and not cached. */
  async tenant(name: string): Promise<TenantRecord | undefined> {
    if (name.length > MAX_TENANT_NAME) return undefined;
    return this.#tenants.get(name, () => this.#options.tenants.resolve(name));
  }

  /** Like `knownKey`, for `tenant`. */
  knownTenant(name: string): TenantRecord | null | undefined {
    return this.#tenants.peek(name);
  }

  /** Drops these names from the cache, such as those of a new tenant. */
  forgetTenant(...names: readonly string[]): void {
    for (const name of names) this.#tenants.forget(name);
  }

  /** Makes everything be read again: changes by other servers may have been missed. */
  forgetAll(): void {
    for (const cache of [this.#keys, this.#tenants, this.#members]) cache.forgetAll();
  }

  /** Finds an existing member. */
  member(tenantId: string, memberId: string): Promise<MemberRecord | undefined> {
    return this.#members.get(join(tenantId, memberId), () => this.#options.members.find(tenantId, memberId));
  }

  /** Like `knownKey`, for `member`. */
  knownMember(tenantId: string, memberId: string): MemberRecord | null | undefined {
    return this.#members.peek(join(tenantId, memberId));
  }

  /** Finds a member, or creates it with this role. */
  async ensureMember(tenantId: string, memberId: string, role: Role): Promise<MemberRecord> {
    const key = join(tenantId, memberId);
    const ensure = () => this.#options.members.ensure(tenantId, memberId, role);
    const known = await this.#members.get(key, ensure);
    if (known !== undefined) return known;
    // Its absence may have been cached before it was created.
    this.#members.forget(key);
    return (await this.#members.get(key, ensure)) ?? (await ensure());
  }

  forgetMember(tenantId: string, memberId: string): void {
    this.#members.forget(join(tenantId, memberId));
  }
}

// A tenant's id is a UUID, so the first "/" is the separator.
function join(tenantId: string, id: string): string {
  return `${tenantId}/${id}`;
}
