// Principals: the authenticated callers.
import { isReserved } from "./reserved.ts";

export const ROLES = ["lead", "member", "manager", "admin", "super_admin"] as const;
export type Role = (typeof ROLES)[number];

export const SCOPES = ["read", "write", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** What a member's id may be, in words. */
export const MEMBER_ID_RULE =
  "1 to 128 characters, none of them a control or invisible character, no space at either end, not beginning with key:, agent: or system:";

/**
 * Whether a text can be a member's id, such as `auth0|123` or `1`. Nobody may pass for an API key, an agent or the
 * system, which the store names by prefixes.
 */
export function isMemberId(text: string): boolean {
  return /^.{1,128}$/su.test(text) && !isReserved(text) && isLegibleId(text);
}

/**
 * Whether a text can name something: what is not seen, or is lost on its way through a header, must not tell two names
 * apart. Refused are controls, invisible and unassigned characters, separators of lines, and spaces at either end.
 */
export function isLegibleId(text: string): boolean {
  return !/[\p{C}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|^\p{Z}|\p{Z}$/u.test(text) && text.isWellFormed();
}

/** A person, lead or service that a JWT speaks for. */
export interface MemberPrincipal {
  readonly kind: "member";
  /** The tenant of the credential; a super admin's may be undefined until a request names one. */
  readonly tenantId: string | undefined;
  readonly memberId: string;
  readonly role: Role;
}

/** An API key. `memberId` is the member that it acts for (`X-Act-For`), if any. */
export interface KeyPrincipal {
  readonly kind: "key";
  readonly tenantId: string;
  readonly keyId: string;
  readonly scopes: ReadonlySet<Scope>;
  readonly memberId: string | undefined;
  /** The role of that member, by which the key is held as well as by its scopes. Unset: plain member. */
  readonly memberRole?: Role;
  /** Set where a key that acts for nobody is to see as little as a member that takes part in nothing. */
  readonly seesNoConversation?: boolean;
  /** Set for a client token, which the key gave to the member. */
  readonly client?: ClientLimits;
}

/** What a client token is held to besides the key's scopes and the member's role. */
export interface ClientLimits {
  /** The only conversation that exists for it. Unset: all that the member sees. */
  readonly conversationId?: string;
}

/** Calls that need no credential: health, reflection. */
export interface AnonymousPrincipal {
  readonly kind: "anonymous";
}

export type Principal = MemberPrincipal | KeyPrincipal | AnonymousPrincipal;

/** Whether a caller may change what it may not read. */
export function mayOnlyWrite(principal: Principal): boolean {
  return principal.kind === "key" && !principal.scopes.has("read");
}

/** A stable name of the caller within its tenant, as idempotency and rate limits count it. */
export function callerOf(principal: Principal): string {
  switch (principal.kind) {
    case "member":
      return `member:${principal.memberId}`;
    case "key":
      return principal.memberId === undefined
        ? `key:${principal.keyId}`
        : `key:${principal.keyId}:${principal.memberId}`;
    case "anonymous":
      return "anonymous";
  }
}
