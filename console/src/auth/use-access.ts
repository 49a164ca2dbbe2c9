// What the caller may see, as WhoAmI tells: the server decides again in every call.
import { useQuery } from "@connectrpc/connect-query";
import { AccessService, type WhoAmIResponse } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { ApiKeyScope } from "../../../gen/colloquy/v1/api_key_pb.ts";
import { MemberRole } from "../../../gen/colloquy/v1/member_pb.ts";
import { OutsideReads } from "../../../gen/colloquy/v1/tenant_pb.ts";

/** Which callers a view is for, as docs/permissions.md says. */
export type Need = "reader" | "writer" | "administrator" | "analyst" | "super_administrator";

export interface Access {
  /** False while it is not known. */
  readonly isKnown: boolean;
  /** Why it is not known. */
  readonly error: unknown;
  readonly role: MemberRole;
  /** Empty: an API key by itself. */
  readonly memberId: string;
  /** What one reads of conversations in which one takes no part. */
  readonly outsideReads: OutsideReads;
  may(need: Need): boolean;
}

export function useAccess(): Access {
  const { data, error } = useQuery(AccessService.method.whoAmI, {}, { staleTime: 60_000 });
  return {
    isKnown: data !== undefined,
    error: error ?? undefined,
    role: data?.role ?? MemberRole.UNSPECIFIED,
    memberId: data?.memberId ?? "",
    outsideReads: data?.outsideReads ?? OutsideReads.UNSPECIFIED,
    may: (need) => data !== undefined && allows(data, need),
  };
}

function allows({ apiKeyId, scopes, memberId, role }: WhoAmIResponse, need: Need): boolean {
  // A key that acts for a member needs both, its scope and the member's role.
  const hasScope = (scope: ApiKeyScope) => apiKeyId === "" || scopes.includes(scope);
  const hasRole = (least: MemberRole) => memberId === "" || role >= least;
  switch (need) {
    case "reader":
      return hasScope(ApiKeyScope.READ);
    case "writer":
      return hasScope(ApiKeyScope.WRITE);
    case "analyst":
      return hasScope(ApiKeyScope.READ) && hasRole(MemberRole.ADMIN);
    case "administrator":
      return hasScope(ApiKeyScope.ADMIN) && hasRole(MemberRole.ADMIN);
    case "super_administrator":
      return apiKeyId === "" && role === MemberRole.SUPER_ADMIN;
  }
}
