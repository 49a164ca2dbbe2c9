// TransferService: import and export of whole conversations as newline-delimited JSON.
import type { MessageInitShape } from "@bufbuild/protobuf";
import * as pb from "../../../gen/colloquy/v1/transfer_service_pb.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { ByteStore } from "../../files/byte-store.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { HEARTBEAT_MS, heartbeatOf, withHeartbeats } from "../../pipeline/streams/heartbeat.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database } from "../../store/database.ts";
import type { Subscriptions } from "../events/subscribe.ts";
import { exportConversations } from "./export.ts";
import { importConversations } from "./import/import.ts";
import { exportMember } from "./member/archive.ts";

export interface TransferServiceOptions {
  readonly database: Database;
  /** Where the bytes of files lie. */
  readonly bytes: ByteStore;
  /** Says again who calls, or throws as authentication does. */
  readonly renew: Subscriptions["renew"];
  /** How long an export is silent before it gives a heartbeat, in milliseconds. Default: 15,000. */
  readonly heartbeatMs?: number | undefined;
}

export function createTransferService(options: TransferServiceOptions): ServiceEntry {
  const { database, bytes, renew, heartbeatMs = HEARTBEAT_MS } = options;
  return serve(pb.TransferService, {
    importConversations: (requests, context) =>
      importConversations(database, callerFrom(context.principal), requests, context),

    exportConversations({ conversationId }, context) {
      const caller = callerFrom(context.principal);
      const renewed = async () => callerFrom(await renew(context));
      return withHeartbeats<MessageInitShape<typeof pb.ExportConversationsResponseSchema>>(
        exportConversations(database, caller, conversationId, context.signal, renewed),
        heartbeatOf(pb.ExportConversationsResponseSchema),
        heartbeatMs,
      );
    },

    async *exportMember({ memberId }, context) {
      const caller = callerFrom(context.principal);
      const renewed = async () => callerFrom(await renew(context));
      const archive = exportMember({ database, bytes, renew: renewed }, caller, memberId, context.signal);
      let begun = false;
      for await (const data of archive) {
        if (!begun) {
          context.setHeader("content-disposition", 'attachment; filename="member.zip"');
          context.setHeader("cache-control", "private, no-store");
          const act = { action: "member.export", resourceType: "member", resourceId: memberId };
          await audit(database, caller, context, act);
        }
        begun = true;
        yield { body: { contentType: "application/zip", data } };
      }
    },
  });
}
