// EventService: the logs of conversations, page by page or as they grow.
import { EventSchema } from "../../../gen/colloquy/v1/event_pb.ts";
import * as pb from "../../../gen/colloquy/v1/event_service_pb.ts";
import { callerFrom } from "../../domain/caller.ts";
import { notFound } from "../../domain/errors.ts";
import { isOurId } from "../../domain/id.ts";
import { pageSizeOf } from "../../domain/page-size.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { readLog } from "../../store/messages/messages.ts";
import { tokenPageOf } from "../page-of.ts";
import { openPage } from "../paging.ts";
import { toEvent } from "./convert.ts";
import { type Subscriptions, subscribe } from "./subscribe.ts";

export interface EventServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  readonly subscriptions: Subscriptions;
}

export function createEventService({ database, secrets, subscriptions }: EventServiceOptions): ServiceEntry {
  return serve(pb.EventService, {
    async listEvents(request, context) {
      const caller = callerFrom(context.principal);
      const page = await openPage(secrets, caller, pb.ListEventsRequestSchema, request);
      const limit = pageSizeOf(request.pageSize);
      const [after = String(request.afterSeq)] = page.cursor ?? [];
      const id = request.conversationId.toLowerCase();
      const rows = isOurId(id)
        ? await readLog(database, caller, id, BigInt(after), limit + 1, { signal: context.interrupt })
        : undefined;
      if (rows === undefined) throw notFound("conversation");
      const edge = ({ seq }: (typeof rows)[number]) => [String(seq)];
      const found = await tokenPageOf(page, EventSchema, rows, limit, (row) => toEvent(row, id), edge);
      return { events: found.items, nextPageToken: found.nextPageToken };
    },

    subscribe: (request, context) => subscribe(subscriptions, request, context),
  });
}
