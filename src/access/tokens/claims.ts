// Reads the claims of a verified token, as configured.
import { accessRefused, DomainError, type DomainErrorDetails, ErrorReason } from "../../domain/errors.ts";
import { isMemberId, MEMBER_ID_RULE, ROLES, type Role } from "../../domain/identity/principal.ts";

/**
 * Names of claims. A name is first tried as a whole (`https://example.com/tenant` is a common claim name), then as a
 * path through objects (`app_metadata.tenant`).
 */
export interface ClaimNames {
  /** Default `aud`. Cognito's access tokens use `client_id` instead, Clerk's and Keycloak's `azp`. */
  readonly aud?: string | undefined;
  /** Default `sub`. A string or an integer. */
  readonly sub?: string | undefined;
  /** Default `tenant`: a tenant's UUID or slug, or a list with one. */
  readonly tenant?: string | undefined;
  /** Default `role`: a string, a list, or an object with a key for each role; the highest known role counts. */
  readonly role?: string | undefined;
}

export interface ClaimRules {
  readonly claims?: ClaimNames | undefined;
  /** Maps the issuer's roles, such as `{ "team-lead": "manager" }`. Default: the names are equal. */
  readonly roles?: Readonly<Record<string, Role>> | undefined;
}

/** The subject of a token, before the directory lookup. */
export interface TokenSubject {
  readonly memberId: string;
  /** A UUID or slug as in the token; undefined: the token has no tenant. */
  readonly tenant: string | undefined;
  /** Undefined: the token has no known role. */
  readonly role: Role | undefined;
}

const OWN_NAMES: Readonly<Record<string, Role>> = Object.fromEntries(ROLES.map((role) => [role, role]));

/** Reads a token's claims. Throws CREDENTIAL_INVALID for an invalid claim. */
export function readClaims(payload: Readonly<Record<string, unknown>>, rules: ClaimRules = {}): TokenSubject {
  const { sub = "sub", tenant = "tenant", role = "role" } = rules.claims ?? {};
  const memberId = asText(claimAt(payload, sub));
  if (typeof memberId !== "string" || !isMemberId(memberId)) {
    throw refuseGenuine(`its subject is not a text of ${MEMBER_ID_RULE}`);
  }
  const named = onlyOf(claimAt(payload, tenant)) ?? undefined;
  if (named !== undefined && (typeof named !== "string" || named === "" || named.length > 128)) {
    throw refuseGenuine("its tenant is not a text of 1 to 128 characters");
  }
  return { memberId, tenant: named, role: readRole(claimAt(payload, role), rules.roles ?? OWN_NAMES) };
}

/** The error for a token without a trusted signature; `why` completes "the token is refused: …". */
export function refuse(why: string, cause?: unknown): DomainError {
  return accessRefused(ErrorReason.CREDENTIAL_INVALID, `the token is refused: ${why}`, { cause });
}

/** The error for a correctly signed token that is refused. */
export function refuseGenuine(why: string, cause?: unknown): DomainError {
  return new GenuineRefused(`the token is refused: ${why}`, { cause });
}

/**
 * CREDENTIAL_INVALID for a credential that was once issued, such as one that has expired or was revoked. It is not a
 * guess, so it does not count for an address.
 */
export class GenuineRefused extends DomainError {
  constructor(message: string, details?: DomainErrorDetails) {
    super(ErrorReason.CREDENTIAL_INVALID, message, { ...details, sentence: true });
  }
}

/** The claim with a name or path. At each step, the longest matching name is used. */
export function claimAt(payload: unknown, name: string): unknown {
  if (typeof payload !== "object" || payload === null) return undefined;
  if (Object.hasOwn(payload, name)) return (payload as Record<string, unknown>)[name];
  for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
    const step = name.slice(0, dot);
    if (!Object.hasOwn(payload, step)) continue;
    const found = claimAt((payload as Record<string, unknown>)[step], name.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Some providers use integers as user ids. */
function asText(claim: unknown): unknown {
  return Number.isSafeInteger(claim) ? String(claim) : claim;
}

/** The entry of a list with one entry, such as of organizations. */
function onlyOf(claim: unknown): unknown {
  return Array.isArray(claim) && claim.length === 1 ? claim[0] : claim;
}

function readRole(claim: unknown, names: Readonly<Record<string, Role>>): Role | undefined {
  // Some providers send an object with a key for each role.
  const isNamed = typeof claim === "object" && claim !== null && !Array.isArray(claim);
  const words = isNamed ? Object.keys(claim) : [claim].flat();
  const ranks = words
    .map((word) => (typeof word === "string" && Object.hasOwn(names, word) ? names[word] : undefined))
    .map((role) => (role === undefined ? -1 : ROLES.indexOf(role)));
  return ROLES[Math.max(-1, ...ranks)];
}
