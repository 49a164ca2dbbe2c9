// The caller, as the store needs it: derived from a call's principal.
import { ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { credentialMissing, DomainError, ErrorReason } from "../errors.ts";
import { actorText } from "./actor.ts";
import { callerOf, type Principal } from "./principal.ts";
import { type Viewer, viewerOf } from "./visibility.ts";

export interface Caller {
  readonly tenantId: string;
  /** The member that calls, or for which a key acts; null for a key on its own. */
  readonly memberId: string | null;
  readonly viewer: Viewer;
  /** Who did it, as conversations, messages and events keep it: a text of `domain/identity/actor.ts`. */
  readonly actor: string;
  /** Who it is for idempotency and in audit rows: a key that acts for a member is somebody else than that member. */
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

/** A part of the system, which sees all that a tenant has. */
export function systemCaller(tenantId: string, part: "server" | "command" | "bootstrap"): Caller {
  const name = actorText({ type: ActorType.SYSTEM, id: part });
  return { tenantId, memberId: null, viewer: { kind: "tenant" }, actor: name, name };
}
