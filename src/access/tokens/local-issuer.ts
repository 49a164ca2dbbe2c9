// The local issuer: short-lived tokens for API keys and for the command line.
import { importJWK, SignJWT } from "jose";
import type { ClientLimits, Principal, Role, Scope } from "../../domain/identity/principal.ts";
import type { KeyRing } from "../../domain/secrets/key-ring.ts";
import type { Clock } from "../bounded-cache.ts";
import { type Issuer, LOCAL_ISSUER } from "./issuer.ts";
import { keySource } from "./key-source.ts";
import { LocalKeys } from "./local-keys.ts";
import { CLIENT_USE, TICKET_USE } from "./tokens.ts";

/** Maximum lifetime of a local token in seconds. Signing keys are kept longer. */
export const MAX_TTL_S = 24 * 60 * 60;

/** A token for a member, issued by the command line. */
export interface MemberToken {
  readonly tenantId: string | undefined;
  readonly sub: string;
  /** Undefined: the role in the directory, or member. */
  readonly role: Role | undefined;
  /** Seconds, from 1 to `MAX_TTL_S`. */
  readonly ttl: number;
}

/** A token for an API key, issued by `/oauth2/token`. */
export interface KeyToken {
  readonly tenantId: string;
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  /** Seconds, from 1 to `MAX_TTL_S`. */
  readonly ttl: number;
}

/** A token with which a browser calls as a member, issued for an API key by `CreateClientToken`. */
export interface ClientToken extends Omit<KeyToken, "ttl"> {
  readonly memberId: string;
  readonly limits: ClientLimits;
  /** Seconds since 1970. */
  readonly expireAt: number;
}

/** Issues tokens signed with ES256. All servers of a database have the same keys, and accept each other's tokens. */
export class LocalIssuer {
  readonly keys: LocalKeys;
  readonly #now: Clock;

  constructor(ring: KeyRing, now: Clock = Date.now) {
    this.keys = new LocalKeys(ring, now);
    this.#now = now;
  }

  /** Verifies local tokens, also those of another process on the database. */
  issuer(): Issuer {
    const load = () => this.keys.publicKeys();
    return {
      issuer: LOCAL_ISSUER,
      audience: [LOCAL_ISSUER],
      algorithms: ["ES256"],
      // A row is read: a cooldown of a second suffices against made-up key ids.
      keys: keySource({ load, now: this.#now, cooldownMs: 1_000, retryMs: 1_000 }),
      local: true,
    };
  }

  issue({ tenantId, sub, role, ttl }: MemberToken): Promise<string> {
    return this.#sign({ sub, ...(tenantId && { tenant: tenantId }), ...(role && { role }) }, ttl);
  }

  issueForKey({ tenantId, keyId, scopes, ttl }: KeyToken): Promise<string> {
    const claims = { sub: keyId, client_id: keyId, api_key: keyId, tenant: tenantId, scope: scopes.join(" ") };
    return this.#sign(claims, ttl);
  }

  issueForClient({ tenantId, keyId, scopes, memberId, limits, expireAt }: ClientToken): Promise<string> {
    const acting = { sub: keyId, api_key: keyId, act_for: memberId, scope: scopes.join(" ") };
    return this.#signUntil({ use: CLIENT_USE, tenant: tenantId, ...acting, ...claimsOf(limits) }, expireAt);
  }

  /** Issues a ticket with which the principal can read event streams. */
  issueTicket(principal: Exclude<Principal, { kind: "anonymous" }>, ttl: number): Promise<string> {
    const use = { use: TICKET_USE, ...(principal.tenantId && { tenant: principal.tenantId }) };
    if (principal.kind === "member") return this.#sign({ ...use, sub: principal.memberId, role: principal.role }, ttl);
    const { keyId, memberId, client } = principal;
    const acting = {
      ...(memberId !== undefined && { act_for: memberId }),
      ...(client && { client: "true", ...claimsOf(client) }),
    };
    return this.#sign({ ...use, ...acting, sub: keyId, api_key: keyId, scope: "read" }, ttl);
  }

  async #sign(claims: Record<string, string>, ttl: number): Promise<string> {
    if (!Number.isInteger(ttl) || ttl < 1 || ttl > MAX_TTL_S) {
      throw new RangeError(`a token lives for 1 to ${MAX_TTL_S} seconds`);
    }
    const issuedAt = this.#seconds();
    return this.#signUntil(claims, issuedAt + ttl, issuedAt);
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000);
  }

  async #signUntil(claims: Record<string, string>, expireAt: number, issuedAt = this.#seconds()): Promise<string> {
    const [key] = await this.keys.all();
    if (key === undefined) throw new Error("the local issuer has no key");
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "ES256", kid: key.kid, typ: "JWT" })
      .setIssuer(LOCAL_ISSUER)
      .setAudience(LOCAL_ISSUER)
      .setIssuedAt(issuedAt)
      .setExpirationTime(expireAt)
      .setJti(crypto.randomUUID())
      .sign(await importJWK(key, "ES256"));
  }
}

function claimsOf({ conversationId }: ClientLimits): Record<string, string> {
  return conversationId === undefined ? {} : { conversation: conversationId };
}
