// Determines the principal from a request's headers.
import { accessRefused, type DomainError, ErrorReason, notFound } from "../domain/errors.ts";
import {
  type ClientLimits,
  isMemberId,
  type KeyPrincipal,
  type Principal,
  type Role,
  SCOPES,
} from "../domain/identity/principal.ts";
import type { Clock } from "./bounded-cache.ts";
import { bearerToken, type RequestHeaders, readCredential } from "./credential.ts";
import type { Directory } from "./directory.ts";
import { judgeKey, judgeSecret, type KeyVerdict, parseApiKey } from "./keys/api-key.ts";
import type { KeyUses } from "./keys/key-uses.ts";
import type { KeyRecord, MemberRecord, TenantRecord } from "./store-interfaces.ts";
import { GenuineRefused, refuseGenuine } from "./tokens/claims.ts";
import type { Tokens, VerifiedToken } from "./tokens/tokens.ts";

export interface AuthenticatorOptions {
  readonly tokens: Tokens;
  readonly directory: Directory;
  readonly uses: KeyUses;
  readonly now?: Clock;
}

/** Runs an expensive check, perhaps later. May refuse to. */
export type Work = <T>(check: () => Promise<T>) => Promise<T>;

const atOnce: Work = (check) => check();

/**
 * Authenticates requests. Headers: `Authorization` or `X-API-Key`; `X-Act-For`, with which an API key acts for a
 * member; and `X-Tenant`, with which a super administrator selects a tenant (for others it must be their own).
 */
export class Authenticator {
  readonly #tokens: Tokens;
  readonly #directory: Directory;
  readonly #uses: KeyUses;
  readonly #now: Clock;

  constructor({ tokens, directory, uses, now = Date.now }: AuthenticatorOptions) {
    this.#tokens = tokens;
    this.#directory = directory;
    this.#uses = uses;
    this.#now = now;
  }

  /**
   * Returns the principal; `anonymous` without a credential. `work` runs the expensive checks of a credential that is
   * not cached. Throws CREDENTIAL_INVALID (`GenuineRefused` for one that was once issued), PERMISSION_DENIED,
   * ISSUER_UNAVAILABLE or a store error.
   */
  async authenticate(request: RequestHeaders, work: Work = atOnce): Promise<Principal> {
    const credential = readCredential(request);
    if (credential === undefined) return { kind: "anonymous" };
    const { kind, text } = credential;
    const principal =
      kind === "key" ? await this.#byKey(text, work) : await this.#byToken(text, work, kind === "ticket");
    return this.#inTenant(await this.#actingFor(principal, request), request);
  }

  /**
   * Returns the principal if everything is cached and valid. Undefined: call `authenticate`.
   */
  known(request: RequestHeaders): Principal | undefined {
    if (request.header("x-act-for") !== undefined || request.header("x-tenant") !== undefined) return undefined;
    const text = bearerToken(request);
    const token = text === undefined ? undefined : this.#tokens.remembered(text);
    if (token?.tenant === undefined || token.key !== undefined || token.tenants !== undefined || token.ticket)
      return undefined;
    const tenant = this.#directory.knownTenant(token.tenant);
    const member = tenant && this.#directory.knownMember(tenant.id, token.memberId);
    return tenant && member && !member.deleted ? memberPrincipal(tenant, token, member) : undefined;
  }

  /**
   * The caller whose credential is cached, by its signature or secret alone: whether it still holds, and what it may
   * do, is left to `authenticate`. For load shedding, which divides by callers what it refuses.
   */
  claimed(request: RequestHeaders): Principal | undefined {
    const text = bearerToken(request);
    if (text === undefined) return this.#claimedKey(request);
    const token = this.#tokens.remembered(text);
    const named = token?.role === "super_admin" ? request.header("x-tenant") : undefined;
    const tenant = token && this.#directory.knownTenant(named ?? token.tenant ?? "");
    if (!tenant) return undefined;
    const { key, memberId, actFor, role = "member" } = token;
    if (key === undefined) return { kind: "member", tenantId: tenant.id, memberId, role };
    return { kind: "key", tenantId: tenant.id, keyId: key.keyId, scopes: new Set(), memberId: actFor };
  }

  #claimedKey(request: RequestHeaders): Principal | undefined {
    const header = request.header("x-api-key") ?? request.header("authorization")?.replace(/^bearer +/i, "");
    const key = header && parseApiKey(header.trim());
    const record = key && this.#directory.knownKey(key.tenantId, key.keyId);
    if (!record || judgeSecret(record, key.secret, this.#now) !== "ok") return undefined;
    const named = request.header("x-act-for");
    return { ...keyPrincipal(record), memberId: named && fromHeader(named) };
  }

  /** The expiry of a token verified here, in milliseconds since 1970; undefined for any other text. */
  expiryOf(text: string): number | undefined {
    return this.#tokens.remembered(text)?.expiresAt;
  }

  /** Returns the record of a valid API key. Throws CREDENTIAL_INVALID. */
  async verifyKey(text: string, work: Work = atOnce): Promise<KeyRecord> {
    const key = parseApiKey(text);
    if (key === undefined) throw refuseKey("it is damaged");
    const known = this.#directory.knownKey(key.tenantId, key.keyId);
    const record = known === undefined ? await work(() => this.#directory.key(key.tenantId, key.keyId)) : known;
    if (!record) throw refuseKey(WHY_REFUSED.wrong_secret);
    const verdict = judgeSecret(record, key.secret, this.#now);
    if (verdict === "wrong_secret") throw refuseKey(WHY_REFUSED[verdict]);
    if (verdict !== "ok") throw new GenuineRefused(`the API key is refused: ${WHY_REFUSED[verdict]}`);
    this.#uses.record(record.tenantId, record.keyId);
    return record;
  }

  async #byKey(text: string, work: Work): Promise<KeyPrincipal> {
    return keyPrincipal(await this.verifyKey(text, work));
  }

  async #byToken(text: string, work: Work, asTicket: boolean): Promise<Principal> {
    const token = this.#tokens.remembered(text) ?? (await work(() => this.#tokens.verify(text)));
    // URLs are logged, so a ticket in one is good for streams only, and nothing else is accepted there.
    if (asTicket && !token.ticket) throw refuseGenuine("access_token takes tickets for event streams alone");
    if (!asTicket && token.ticket) throw refuseGenuine("it is a ticket, for the access_token of event streams");
    const { memberId, role = "member" } = token;
    if (token.tenant === undefined) {
      if (token.tenants !== undefined) throw refuseGenuine("its issuer may not speak for all tenants");
      return { kind: "member", tenantId: undefined, memberId, role };
    }
    const tenant = await this.#directory.tenant(token.tenant);
    if (tenant === undefined) throw refuseGenuine("its tenant does not exist");
    if (token.tenants?.some((name) => isNamed(tenant, name)) === false) {
      throw refuseGenuine("its issuer may not speak for its tenant");
    }
    if (token.key === undefined) return this.#asMember(tenant, token);
    const key = await this.#asKey(tenant, token.key);
    if (token.actFor === undefined) return key;
    const acting = await this.#actFor(key, token.actFor, "the token acts for");
    return token.client === undefined ? acting : heldTo(token.client, acting);
  }

  async #asMember(tenant: TenantRecord, token: VerifiedToken): Promise<Principal> {
    const member = await this.#directory.ensureMember(tenant.id, token.memberId, firstRole(token.role));
    if (member.deleted) throw denied("the member that the token speaks for was deleted");
    return memberPrincipal(tenant, token, member);
  }

  // A token issued for an API key ends with the key, and never has more scopes.
  async #asKey({ id }: TenantRecord, { keyId, scopes }: NonNullable<VerifiedToken["key"]>): Promise<KeyPrincipal> {
    const record = await this.#directory.key(id, keyId);
    if (record === undefined || judgeKey(record, this.#now()) !== "ok")
      throw refuseGenuine("the API key that it stands for is gone");
    this.#uses.record(id, keyId);
    return keyPrincipal(record, new Set(SCOPES.filter((scope) => scopes.includes(scope) && record.scopes.has(scope))));
  }

  async #actingFor(principal: Principal, request: RequestHeaders): Promise<Principal> {
    const named = request.header("x-act-for");
    if (named === undefined) return principal;
    if (principal.kind !== "key" || principal.client !== undefined)
      throw denied("X-Act-For is for API keys: a token speaks for its own subject");
    return this.#actFor(principal, fromHeader(named));
  }

  async #actFor(principal: KeyPrincipal, memberId: string, named = "X-Act-For names"): Promise<KeyPrincipal> {
    const member = isMemberId(memberId) ? await this.#directory.member(principal.tenantId, memberId) : undefined;
    if (member === undefined || member.deleted) throw denied(`${named} no member of the key's tenant`);
    // Acting for a member never leaves the key's tenant.
    return { ...principal, memberId, memberRole: withinTenant(member.role) };
  }

  async #inTenant(principal: Principal, request: RequestHeaders): Promise<Principal> {
    const named = request.header("x-tenant");
    if (named === undefined || principal.kind === "anonymous") return principal;
    const tenant = await this.#directory.tenant(named);
    if (tenant !== undefined && tenant.id === principal.tenantId) return principal;
    if (principal.kind === "key" || principal.role !== "super_admin") {
      throw denied("X-Tenant names another tenant than the credential's");
    }
    if (tenant === undefined) throw notFound("tenant");
    // A super administrator needs a member in the tenant as the author of its changes.
    const { deleted } = await this.#directory.ensureMember(tenant.id, principal.memberId, firstRole(undefined));
    if (deleted) throw denied("the member that the token speaks for was deleted");
    return { ...principal, tenantId: tenant.id };
  }
}

// Without the secret, the reason is the same for every key.
const WHY_REFUSED: Readonly<Record<Exclude<KeyVerdict, "ok">, string>> = {
  wrong_secret: "it is unknown",
  revoked: "it was revoked",
  expired: "it has expired",
};

function refuseKey(why: string): DomainError {
  return accessRefused(ErrorReason.CREDENTIAL_INVALID, `the API key is refused: ${why}`);
}

function denied(message: string): DomainError {
  return accessRefused(ErrorReason.PERMISSION_DENIED, message);
}

function memberPrincipal(
  { id: tenantId }: TenantRecord,
  { memberId, role, tenants }: VerifiedToken,
  member: MemberRecord,
): Principal {
  const known = tenants === undefined ? member.role : withinTenant(member.role);
  return { kind: "member", tenantId, memberId, role: role ?? known };
}

function keyPrincipal({ tenantId, keyId, scopes }: KeyRecord, granted = scopes): KeyPrincipal {
  return { kind: "key", tenantId, keyId, scopes: granted, memberId: undefined };
}

// A role in a token holds for that token only. The directory stores at most `lead` or `member`, or else removing the
// claim at the identity provider would have no effect.
function firstRole(claimed: Role | undefined): Role {
  return claimed === "lead" ? "lead" : "member";
}

function withinTenant(role: Role): Role {
  return role === "super_admin" ? "admin" : role;
}

// In its one conversation, a manager or administrator is a plain member.
function heldTo(client: ClientLimits, principal: KeyPrincipal): KeyPrincipal {
  const { memberRole } = principal;
  if (client.conversationId === undefined || memberRole === "lead") return { ...principal, client };
  return { ...principal, client, memberRole: "member" };
}

function isNamed({ id, slug }: TenantRecord, name: string): boolean {
  return name === id || name === slug;
}

// Node decodes headers as Latin-1; clients send member ids in UTF-8.
function fromHeader(value: string): string {
  return Buffer.from(value, "latin1").toString("utf8");
}
