// Visibility: which conversations a caller sees, and what it may do in them.
import { credentialMissing } from "../errors.ts";
import type { Principal } from "./principal.ts";

/**
 * `tenant` sees all that the tenant has; `member` what it owns or takes part in; `manager` also what its subordinates,
 * at any depth, own or take part in.
 */
export type Viewer =
  | { readonly kind: "tenant" }
  | { readonly kind: "member"; readonly memberId: string }
  | { readonly kind: "manager"; readonly memberId: string };

/** What a viewer that sees a conversation has to do with it. */
export interface Standing {
  readonly isOwner: boolean;
  readonly isParticipant: boolean;
}

/** No member's id is empty. */
const NOBODY = "";

/**
 * How far a principal sees. A key that acts for a member sees what the member sees. Throws CREDENTIAL_MISSING for a
 * caller without a credential: it sees nothing.
 */
export function viewerOf(principal: Principal): Viewer {
  if (principal.kind === "anonymous") throw credentialMissing();
  const { memberId } = principal;
  if (memberId === undefined) {
    const seesNone = principal.kind === "key" && principal.seesNoConversation === true;
    return seesNone ? { kind: "member", memberId: NOBODY } : { kind: "tenant" };
  }
  const role = principal.kind === "key" ? principal.memberRole : principal.role;
  if (role === "admin" || role === "super_admin") return { kind: "tenant" };
  return { kind: role === "manager" ? "manager" : "member", memberId };
}

/** May send, edit the conversation and mark as read: those who own it or take part, and the tenant's own. */
export function mayWrite(viewer: Viewer, standing: Standing): boolean {
  return viewer.kind === "tenant" || standing.isOwner || standing.isParticipant;
}

/** May delete, restore, hand over, replace messages and choose participants: the owner, and the tenant's own. */
export function mayManage(viewer: Viewer, standing: Standing): boolean {
  return viewer.kind === "tenant" || standing.isOwner;
}
