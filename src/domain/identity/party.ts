// Whose a call is, for queues and limits that are fair to all.
import { callerOf, type Principal } from "./principal.ts";

/** A tenant and one of its callers; both are empty where that is not known. */
export interface Party {
  readonly tenant: string;
  readonly caller: string;
}

/** Undefined: it has no tenant. */
export function partyOf(principal: Principal | undefined): Party | undefined {
  if (principal === undefined || principal.kind === "anonymous" || principal.tenantId === undefined) return undefined;
  return { tenant: principal.tenantId, caller: callerOf(principal) };
}
