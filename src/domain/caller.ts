// A call's principal, boiled down to what the store asks of it.
import { credentialMissing, DomainError, ErrorReason } from "./errors.ts";
import { callerOf, type Principal } from "./principal.ts";
import { type Viewer, viewerOf } from "./visibility.ts";

export interface Caller {
  readonly tenantId: string;
  /** The member that calls, or for which a key acts; null for a key on its own. */
  readonly memberId: string | null;
  readonly viewer: Viewer;
  /** Who did it, as messages, events and audit rows keep it: a member id, or `key:` and a key's id. */
  readonly actor: string;
  /** Who it is for idempotency: a key that acts for a member is somebody else than that member. */
  readonly name: string;
}

/** Throws PERMISSION_DENIED for a principal that names no tenant. */
export function callerFrom(principal: Principal): Caller {
  if (principal.kind === "anonymous") throw credentialMissing();
  const { tenantId, memberId = null } = principal;
  if (tenantId === undefined) {
    throw new DomainError(ErrorReason.PERMISSION_DENIED, "the credential names no tenant");
  }
  const name = callerOf(principal);
  return { tenantId, memberId, viewer: viewerOf(principal), actor: memberId ?? name, name };
}
