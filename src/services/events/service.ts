// EventService: the logs of conversations, in pages or as a stream.
import { EventSchema } from "../../../gen/colloquy/v1/event_pb.ts";
import * as pb from "../../../gen/colloquy/v1/event_service_pb.ts";
import { notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { readLog } from "../../store/messages/messages.ts";
import { paginate } from "../paginate.ts";
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
      const id = request.conversationId.toLowerCase();
      const { items, ...page } = await paginate(secrets, caller, pb.ListEventsRequestSchema, request, {
        item: EventSchema,
        async read({ after: [seq = String(request.afterSeq)] = [], limit }) {
          const options = { signal: context.interrupt };
          const rows = isOurId(id) ? await readLog(database, caller, id, BigInt(seq), limit, options) : undefined;
          if (rows === undefined) throw notFound("conversation");
          return rows;
        },
        convert: (row) => toEvent(row, id),
        key: ({ seq }) => [String(seq)],
      });
      return { events: items, ...page };
    },

    subscribe: (request, context) => subscribe(subscriptions, request, context),
  });
}
