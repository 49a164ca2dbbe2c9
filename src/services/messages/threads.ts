// ListReplies and ListMentions.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import * as pb from "../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import * as store from "../../store/replies/replies.ts";
import { toMessage } from "../convert.ts";
import { paginate } from "../paginate.ts";

export async function listReplies(
  database: Database,
  secrets: TenantSecrets,
  request: pb.ListRepliesRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof pb.ListRepliesResponseSchema>> {
  const caller = callerFrom(principal);
  let unreadCount = 0;
  const newestFirst = request.order === pb.MessageOrder.NEWEST_FIRST;
  const { items, ...page } = await paginate(secrets, caller, pb.ListRepliesRequestSchema, request, {
    item: MessageSchema,
    async read({ after: [seq] = [], limit }) {
      const list = { newestFirst, edge: seq === undefined ? undefined : BigInt(seq), limit };
      const found = isOurId(request.messageId)
        ? await store.listReplies(database, caller, request.messageId, list, interrupt)
        : undefined;
      if (found === undefined) throw notFound("message");
      unreadCount = found.unread;
      return found.rows;
    },
    convert: toMessage,
    key: ({ seq }) => [String(seq)],
  });
  return { messages: items, ...page, unreadCount };
}

export async function listMentions(
  database: Database,
  secrets: TenantSecrets,
  request: pb.ListMentionsRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof pb.ListMentionsResponseSchema>> {
  const caller = callerFrom(principal);
  if (caller.memberId === null) {
    throw new DomainError(ErrorReason.PERMISSION_DENIED, "only members can be mentioned: act for one with X-Act-For");
  }
  const { conversationId } = request;
  const isKnown = conversationId === "" || isOurId(conversationId);
  const { items, ...page } = await paginate(secrets, caller, pb.ListMentionsRequestSchema, request, {
    item: MessageSchema,
    async read({ after: [time, id = ""] = [], limit }) {
      if (!isKnown) return [];
      const edge = time === undefined ? undefined : { time: new Date(Number(time)), id };
      return store.listMentions(database, caller, conversationId.toLowerCase() || null, edge, limit, interrupt);
    },
    convert: toMessage,
    key: ({ create_time, id }) => [String(create_time.getTime()), id],
  });
  return { messages: items, ...page };
}
