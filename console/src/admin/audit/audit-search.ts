// The filters of the audit log, as the address has them.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ActorType } from "../../../../gen/colloquy/v1/actor_pb.ts";
import type { ListAuditEntriesRequestSchema } from "../../../../gen/colloquy/v1/audit_service_pb.ts";
import { timeOf } from "../../ui/local-time.ts";

const NAMES = ["actorType", "actor", "action", "type", "id", "from", "to"] as const;

/** Times are instants in ISO 8601. */
export type AuditSearch = { readonly [N in (typeof NAMES)[number]]?: string };

export function readAuditSearch(raw: Record<string, unknown>): AuditSearch {
  const given = NAMES.flatMap((name) => {
    const value = raw[name];
    const isGiven = typeof value === "string" && value.trim() !== "" && isSound(name, value.trim());
    return isGiven ? [[name, value.trim()] as const] : [];
  });
  return Object.fromEntries(given);
}

/** Whether it can filter. */
function isSound(name: (typeof NAMES)[number], value: string): boolean {
  if (name === "from" || name === "to") return !Number.isNaN(Date.parse(value));
  return name !== "actorType" || (value !== "UNSPECIFIED" && Object.keys(ActorType).includes(value));
}

export function auditRequest(search: AuditSearch): MessageInitShape<typeof ListAuditEntriesRequestSchema> {
  const { actor = "", actorType = "MEMBER", action = "", type = "", id = "", from, to } = search;
  return {
    pageToken: "",
    pageSize: 100,
    action,
    resourceType: type,
    resourceId: id,
    ...(actor !== "" && { actor: { id: actor, type: typeOf(actorType) } }),
    ...timeOf("startTime", from),
    ...timeOf("endTime", to),
  };
}

function typeOf(name: string): ActorType {
  return Object.entries(ActorType).find(([key]) => key === name)?.[1] ?? ActorType.MEMBER;
}
