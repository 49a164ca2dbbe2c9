// What a verified token says: its claims, read as configured.
import { DomainError, type DomainErrorDetails, ErrorReason } from "../../domain/errors.ts";
import { isMemberId, MEMBER_ID_RULE, ROLES, type Role } from "../../domain/principal.ts";

/**
 * Which claims carry what. A name is first taken as it stands (`https://example.com/tenant` is a common claim name),
 * then as a path through objects (`app_metadata.tenant`).
 */
export interface ClaimNames {
  /** Default `aud`. Cognito's access tokens have `client_id` in its place, Clerk's and Keycloak's `azp`. */
  readonly aud?: string | undefined;
  /** Default `sub`. A text, or a whole number. */
  readonly sub?: string | undefined;
  /** Default `tenant`: a tenant's UUID or slug, or a list of one. */
  readonly tenant?: string | undefined;
  /** Default `role`: a text, a list, or an object with a key for each; the highest known role counts. */
  readonly role?: string | undefined;
}

export interface ClaimRules {
  readonly claims?: ClaimNames | undefined;
  /** What an issuer's words mean here, such as `{ "team-lead": "manager" }`. Default: our own names of the roles. */
  readonly roles?: Readonly<Record<string, Role>> | undefined;
}

/** Who a token speaks for, before the directory was asked. */
export interface TokenSubject {
  readonly memberId: string;
  /** A UUID or slug as the token spells it; undefined: the token names no tenant. */
  readonly tenant: string | undefined;
  /** Undefined: the token names no role that is known here. */
  readonly role: Role | undefined;
}

const OWN_NAMES: Readonly<Record<string, Role>> = Object.fromEntries(ROLES.map((role) => [role, role]));

/** Reads a token's claims. Throws CREDENTIAL_INVALID for a claim that cannot be what it should. */
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

/** A token that nobody trusted has signed; `why` completes "The token is refused: …". */
export function refuse(why: string, cause?: unknown): DomainError {
  return new DomainError(ErrorReason.CREDENTIAL_INVALID, `The token is refused: ${why}.`, { cause });
}

/** A token that its issuer has signed, and that is refused all the same. */
export function refuseGenuine(why: string, cause?: unknown): DomainError {
  return new GenuineRefused(`The token is refused: ${why}.`, { cause });
}

/**
 * CREDENTIAL_INVALID for a credential that was once given out to whoever sends it, such as one that has expired or was
 * revoked: nobody guesses, so it counts against no address.
 */
export class GenuineRefused extends DomainError {
  constructor(message: string, details?: DomainErrorDetails) {
    super(ErrorReason.CREDENTIAL_INVALID, message, details);
  }
}

/** The claim of a name. Of names that are themselves paths the longest counts, at each step. */
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

/** Providers number their users, too. */
function asText(claim: unknown): unknown {
  return Number.isSafeInteger(claim) ? String(claim) : claim;
}

/** The one entry of a list, as of the groups or organizations that a token names. */
function onlyOf(claim: unknown): unknown {
  return Array.isArray(claim) && claim.length === 1 ? claim[0] : claim;
}

function readRole(claim: unknown, names: Readonly<Record<string, Role>>): Role | undefined {
  // Some give an object with a name for each role.
  const isNamed = typeof claim === "object" && claim !== null && !Array.isArray(claim);
  const words = isNamed ? Object.keys(claim) : [claim].flat();
  const ranks = words
    .map((word) => (typeof word === "string" && Object.hasOwn(names, word) ? names[word] : undefined))
    .map((role) => (role === undefined ? -1 : ROLES.indexOf(role)));
  return ROLES[Math.max(-1, ...ranks)];
}
