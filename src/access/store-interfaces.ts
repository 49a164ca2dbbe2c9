// The interfaces through which access reads the store. The caller caches every result for at most FRESH_MS.
import type { OutsideReads } from "../../gen/colloquy/v1/tenant_pb.ts";
import type { Role, Scope } from "../domain/identity/principal.ts";

/** How long a result may be cached: a revocation takes effect on other servers within this time. */
export const FRESH_MS = 30_000;

/** A secret of a key. During a rotation a key has two. */
export interface KeySecret {
  /** SHA-256 of the secret part of the key. */
  readonly hash: Uint8Array;
  /** Milliseconds since 1970 from which the secret is refused; undefined: as long as the key. */
  readonly expiresAt: number | undefined;
}

/** A stored API key. */
export interface KeyRecord {
  readonly tenantId: string;
  readonly keyId: string;
  readonly scopes: ReadonlySet<Scope>;
  readonly secrets: readonly KeySecret[];
  /** Milliseconds since 1970; undefined: never. */
  readonly expiresAt: number | undefined;
  /** Milliseconds since 1970; undefined: not revoked. */
  readonly revokedAt: number | undefined;
}

/** One use of a key, for its `last_use_time`. */
export interface KeyUse {
  readonly tenantId: string;
  readonly keyId: string;
  /** Milliseconds since 1970. */
  readonly usedAt: number;
}

export interface KeyStore {
  find(tenantId: string, keyId: string): Promise<KeyRecord | undefined>;
  /** Records last uses in a batch. A use older than the recorded one is ignored. */
  touch(uses: readonly KeyUse[]): Promise<void>;
}

/** The names of a tenant, and what holds for all calls in it. */
export interface TenantRecord {
  readonly id: string;
  readonly slug: string;
  /** Who reads what was said without taking part: a number of the contract's OutsideReads. Default: all who see it. */
  readonly outsideReads?: OutsideReads;
}

export interface TenantStore {
  /** Finds a tenant by its UUID or its slug. */
  resolve(name: string): Promise<TenantRecord | undefined>;
}

/** The parts of a member that access needs. */
export interface MemberRecord {
  readonly memberId: string;
  readonly role: Role;
  /** True if the member was deleted: its credentials are refused until it is restored. */
  readonly deleted: boolean;
}

export interface MemberStore {
  find(tenantId: string, memberId: string): Promise<MemberRecord | undefined>;
  /**
   * Finds a member, or creates it with this role. A deleted member stays deleted; an existing member keeps its role.
   */
  ensure(tenantId: string, memberId: string, role: Role): Promise<MemberRecord>;
}
