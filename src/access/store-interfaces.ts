// What the access layer asks of the store. Every answer is cached by the caller for at most FRESH_MS.
import type { Role, Scope } from "../domain/principal.ts";

/** How long an answer of the store may be served without asking again: half of what "within 60 s" allows. */
export const FRESH_MS = 30_000;

/** One secret of a key. During a rotation a key has two. */
export interface KeySecret {
  /** SHA-256 of the secret part of the key's text. */
  readonly hash: Uint8Array;
  /** Milliseconds since 1970 from which the secret is refused; undefined: as long as the key. */
  readonly expiresAt: number | undefined;
}

/** An API key as the store knows it. */
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
  /** Records last uses, many at a time. A use older than the one recorded changes nothing. */
  touch(uses: readonly KeyUse[]): Promise<void>;
}

/** A tenant's two names. */
export interface TenantRecord {
  readonly id: string;
  readonly slug: string;
}

export interface TenantStore {
  /** Finds a tenant by its UUID or its slug. */
  resolve(name: string): Promise<TenantRecord | undefined>;
}

/** A member as far as access needs it. */
export interface MemberRecord {
  readonly memberId: string;
  readonly role: Role;
  /** True once the member was deleted: its credentials are refused until it is put back. */
  readonly deleted: boolean;
}

export interface MemberStore {
  find(tenantId: string, memberId: string): Promise<MemberRecord | undefined>;
  /**
   * Finds a member, or makes it with this role if it was never seen. A deleted member stays deleted, and the role of
   * one that exists stays as it is.
   */
  ensure(tenantId: string, memberId: string, role: Role): Promise<MemberRecord>;
}
