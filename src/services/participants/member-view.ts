// SetMemberView and ListReadMarks: what is a participant's own, and how far each has read.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { MemberView } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ReadMarkSchema } from "../../../gen/colloquy/v1/participant_pb.ts";
import * as pb from "../../../gen/colloquy/v1/participant_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import * as store from "../../store/conversations/conversations.ts";
import {
  listReadMarks,
  readMemberView,
  type StoredView,
  writeMemberView,
} from "../../store/conversations/member-view.ts";
import { FIRST_PLACE } from "../../store/conversations/participant-statements.ts";
import type { Database, Queryable } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { during } from "../../store/wrappers/during.ts";
import { lockVisible } from "../conversations/access.ts";
import { toConversation, toDate, toTimestamp } from "../convert.ts";
import { paginate } from "../paginate.ts";

/** Maximum bytes of a member's own metadata, and participants of a conversation that lists read marks. */
const MAX_METADATA = 4 * 1024;
const MAX_MARKS = 1_000;

/** Changes what the request names, for the calling member. */
export async function setMemberView(
  tx: Queryable,
  caller: Caller,
  request: pb.SetMemberViewRequest,
): Promise<{ memberView?: MemberView }> {
  const row = await lockVisible(tx, caller, request.conversationId);
  if (caller.memberId === null || !row.is_participant) {
    throw new DomainError(ErrorReason.PERMISSION_DENIED, "only participants have a view of their own");
  }
  const before = await readMemberView(tx, caller, row.id);
  await writeMemberView(tx, caller, row.id, changed(before, request));
  const now = await store.readConversation(tx, caller, row.id);
  const { memberView } = now === undefined ? {} : toConversation(now, caller);
  return memberView === undefined ? {} : { memberView };
}

function changed(before: StoredView, request: pb.SetMemberViewRequest): StoredView {
  const { pinned = before.pinned, archived = before.archived, notificationLevel: level = before.level } = request;
  const until = request.mutedUntil === undefined ? before.muted_until : toDate(request.mutedUntil).getTime();
  const metadata = request.metadata ?? before.metadata ?? {};
  if (Buffer.byteLength(JSON.stringify(metadata)) > MAX_METADATA) {
    throw invalidField("metadata", `must be at most ${MAX_METADATA} bytes as JSON`, "metadata.max_bytes");
  }
  return {
    ...(pinned && { pinned }),
    ...(archived && { archived }),
    ...(until !== undefined && until > Date.now() && { muted_until: until }),
    ...(level && { level }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
}

export async function listMarks(
  database: Database,
  secrets: TenantSecrets,
  request: pb.ListReadMarksRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof pb.ListReadMarksResponseSchema>> {
  const caller = callerFrom(principal);
  const reached = request.reachedSeq || 1n;
  const { items, ...page } = await paginate(secrets, caller, pb.ListReadMarksRequestSchema, request, {
    item: ReadMarkSchema,
    async read({ after: [joinSeq, memberId = ""] = [], limit }) {
      const after = [joinSeq === undefined ? FIRST_PLACE : BigInt(joinSeq), memberId] as const;
      const rows = isOurId(request.conversationId)
        ? await listReadMarks(during(database, interrupt), caller, request.conversationId, { after, limit, reached })
        : undefined;
      if (rows === undefined) throw notFound("conversation");
      if ((rows[0]?.participant_count ?? 0) > MAX_MARKS) {
        const description = `read marks are listed for at most ${MAX_MARKS} participants`;
        throw new DomainError(ErrorReason.QUOTA_EXCEEDED, description, {
          quota: { subject: `conversation:${request.conversationId.toLowerCase()}`, description },
        });
      }
      return rows.filter(({ member_id }) => member_id !== null);
    },
    convert: ({ member_id, read_seq, read_time }) => ({
      memberId: member_id ?? "",
      readSeq: read_seq,
      ...(read_time && { readTime: toTimestamp(read_time) }),
    }),
    key: ({ join_seq, member_id }) => [String(join_seq), member_id ?? ""],
  });
  return { readMarks: items, ...page };
}
