// PresenceService: which members are here, and what each lets others know.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { PresenceMode, PresenceSchema } from "../../../gen/colloquy/v1/presence_pb.ts";
import * as pb from "../../../gen/colloquy/v1/presence_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { absent, type MemberPresence, presenceOf } from "../../live/presence/state.ts";
import type { Signals } from "../../live/signals/signals.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import type { Database } from "../../store/database.ts";
import { listPresence, setPresenceMode } from "../../store/presence/presence.ts";
import { toTimestamp } from "../convert.ts";
import { createMutations } from "../mutations.ts";

export interface PresenceServiceOptions {
  readonly database: Database;
  readonly signals: Signals;
}

export function createPresenceService({ database, signals }: PresenceServiceOptions): ServiceEntry {
  const { mutation } = createMutations(database);
  const setOnce = mutation(pb.PresenceService.method.setPresence, async (tx, caller, { mode }) => {
    const { tenantId, memberId } = caller;
    if (memberId === null) throw new DomainError(ErrorReason.PERMISSION_DENIED, "only members have a presence");
    await setPresenceMode(tx, tenantId, memberId, mode);
    const [row] = await listPresence(tx, caller, [memberId]);
    return { presence: { ...toPresence(row === undefined ? absent(memberId) : presenceOf(row)), mode } };
  });

  return serve(pb.PresenceService, {
    async batchGetPresence({ memberIds }, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const ids = [...new Set(memberIds)];
      const rows = await listPresence(database, caller, ids, interrupt);
      const found = new Map(rows.map((row) => [row.member_id, row]));
      return {
        presences: ids.flatMap((id) => {
          const row = found.get(id);
          if (row === undefined) return [];
          const mode = id === caller.memberId ? (row.mode as PresenceMode) : PresenceMode.UNSPECIFIED;
          return [create(PresenceSchema, { ...toPresence(presenceOf(row)), mode })];
        }),
      };
    },

    async setPresence(request, context) {
      const response = await setOnce(request, context);
      const { tenantId, memberId } = callerFrom(context.principal);
      if (memberId !== null) signals.tellPresence({ tenantId, memberId });
      return response;
    },
  });
}

export function toPresence({ memberId, state, lastSeen }: MemberPresence): MessageInitShape<typeof PresenceSchema> {
  return { memberId, state, ...(lastSeen && { lastSeenTime: toTimestamp(lastSeen) }) };
}
