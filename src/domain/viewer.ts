// Through whose eyes a call looks: which conversations it sees, and what it may do in them.
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

export function viewerOf(principal: Principal): Viewer {
  switch (principal.kind) {
    case "key":
      return principal.memberId === undefined ? { kind: "tenant" } : { kind: "member", memberId: principal.memberId };
    case "member":
      if (principal.role === "admin" || principal.role === "super_admin") return { kind: "tenant" };
      return { kind: principal.role === "manager" ? "manager" : "member", memberId: principal.memberId };
    case "anonymous":
      throw new Error("an anonymous caller reached a conversation");
  }
}

/** May send, edit the conversation and mark as read: those who own it or take part, and the tenant's own. */
export function mayWrite(viewer: Viewer, standing: Standing): boolean {
  return viewer.kind === "tenant" || standing.isOwner || standing.isParticipant;
}

/** May delete, restore, hand over, replace messages and choose participants: the owner, and the tenant's own. */
export function mayManage(viewer: Viewer, standing: Standing): boolean {
  return viewer.kind === "tenant" || standing.isOwner;
}
