// Callers cannot grant or revoke roles above their own: the rule `grant` of the permissions.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { type Principal, ROLES, type Role, type Scope } from "../../domain/identity/principal.ts";

/** The highest role that a caller may give or take: its own, or admin for an API key on its own. */
export function highestRole(principal: Principal): Role {
  switch (principal.kind) {
    case "anonymous":
      return "lead";
    case "member":
      return principal.role;
    case "key":
      return principal.memberId === undefined ? "admin" : (principal.memberRole ?? "member");
  }
}

/** Throws PERMISSION_DENIED for a role above the caller's own, whether it is to be given or is there already. */
export function requireRank(principal: Principal, role: Role): void {
  if (ROLES.indexOf(role) <= ROLES.indexOf(highestRole(principal))) return;
  throw new DomainError(ErrorReason.PERMISSION_DENIED, `only a caller of the role "${role}" or above may do this`);
}

/** Throws SCOPE_MISSING for a scope that the calling key does not have itself. */
export function requireScopes(principal: Principal, scopes: readonly Scope[]): void {
  if (principal.kind !== "key") return;
  const missing = scopes.find((scope) => !principal.scopes.has(scope));
  if (missing === undefined) return;
  throw new DomainError(ErrorReason.SCOPE_MISSING, `a key cannot grant a scope that it lacks: "${missing}"`, {
    metadata: { scope: missing },
  });
}
