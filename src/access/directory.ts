// Keys, tenants and members as the store knows them, remembered for a moment: once seen, they cost no round trip.
import type { Role } from "../domain/principal.ts";
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
  /** How many of each kind are remembered. Default 10,000. */
  readonly max?: number;
}

/**
 * What access knows of a tenant's people and keys. A change made through this server shows at once if it calls `forget…`;
 * one made elsewhere within `FRESH_MS`, which keeps the promise that a revocation shows everywhere within 60 s.
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

  /** What `key` answers without asking the store: null where there is none, undefined where it would have to ask. */
  knownKey(tenantId: string, keyId: string): KeyRecord | null | undefined {
    return this.#keys.peek(join(tenantId, keyId));
  }

  forgetKey(tenantId: string, keyId: string): void {
    this.#keys.forget(join(tenantId, keyId));
  }

  /** Finds a tenant by its UUID or slug. What can be neither is not looked for, and not remembered. */
  async tenant(name: string): Promise<TenantRecord | undefined> {
    if (name.length > MAX_TENANT_NAME) return undefined;
    return this.#tenants.get(name, () => this.#options.tenants.resolve(name));
  }

  /** The same of `tenant`. */
  knownTenant(name: string): TenantRecord | null | undefined {
    return this.#tenants.peek(name);
  }

  /** Makes the next question about these names ask the store; for a tenant that was just made. */
  forgetTenant(...names: readonly string[]): void {
    for (const name of names) this.#tenants.forget(name);
  }

  /** Finds a member that must be there already. */
  member(tenantId: string, memberId: string): Promise<MemberRecord | undefined> {
    return this.#members.get(join(tenantId, memberId), () => this.#options.members.find(tenantId, memberId));
  }

  /** The same of `member`. */
  knownMember(tenantId: string, memberId: string): MemberRecord | null | undefined {
    return this.#members.peek(join(tenantId, memberId));
  }

  /** Finds a member, or makes it with this role when it is seen for the first time. */
  async ensureMember(tenantId: string, memberId: string, role: Role): Promise<MemberRecord> {
    const key = join(tenantId, memberId);
    const ensure = () => this.#options.members.ensure(tenantId, memberId, role);
    const known = await this.#members.get(key, ensure);
    if (known !== undefined) return known;
    // Someone asked about the member before it was made, and its absence is what is remembered.
    this.#members.forget(key);
    return (await this.#members.get(key, ensure)) ?? (await ensure());
  }

  forgetMember(tenantId: string, memberId: string): void {
    this.#members.forget(join(tenantId, memberId));
  }
}

// A tenant's id is a UUID, so the first "/" is the separator, whatever the second part holds.
function join(tenantId: string, id: string): string {
  return `${tenantId}/${id}`;
}
