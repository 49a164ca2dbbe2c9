// TransferService: import and export of whole conversations as newline-delimited JSON.
import type { MessageInitShape } from "@bufbuild/protobuf";
import * as pb from "../../../gen/colloquy/v1/transfer_service_pb.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { HEARTBEAT_MS, heartbeatOf, withHeartbeats } from "../../pipeline/streams/heartbeat.ts";
import type { Database } from "../../store/database.ts";
import type { Subscriptions } from "../events/subscribe.ts";
import { exportConversations } from "./export.ts";
import { importConversations } from "./import.ts";

export interface TransferServiceOptions {
  readonly database: Database;
  /** Says again who calls, or throws as authentication does. */
  readonly renew: Subscriptions["renew"];
  /** How long an export is silent before it gives a heartbeat, in milliseconds. Default: 15,000. */
  readonly heartbeatMs?: number | undefined;
}

export function createTransferService(options: TransferServiceOptions): ServiceEntry {
  const { database, renew, heartbeatMs = HEARTBEAT_MS } = options;
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
  });
}
