// ParticipantService: participants of conversations, and their read marks.
import { ParticipantSchema } from "../../../gen/colloquy/v1/participant_pb.ts";
import * as pb from "../../../gen/colloquy/v1/participant_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { type AuditedAct, audit } from "../../store/audit/audit.ts";
import * as store from "../../store/conversations/conversations.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { lockVisible, requireManage } from "../conversations/access.ts";
import { checkMembers } from "../conversations/values.ts";
import { toParticipant } from "../convert.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { listMarks, setMemberView } from "./member-view.ts";

export interface ParticipantServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
}

/** The maximum number of member ids in one audit entry. */
const AUDITED_IDS = 10;

export function createParticipantService({ database, secrets }: ParticipantServiceOptions): ServiceEntry {
  const { method } = pb.ParticipantService;
  const { conversationMutation } = createMutations(database);
  return serve(pb.ParticipantService, {
    addParticipants: conversationMutation(method.addParticipants, async (tx, caller, request, context) => {
      const row = await lockVisible(tx, caller, request.conversationId);
      requireManage(caller, row);
      await checkMembers(tx, caller, "member_ids", request.memberIds);
      const asked = [...new Set(request.memberIds)];
      const there = new Set((await store.readParticipants(tx, caller, row.id, asked)).map((p) => p.member_id));
      const added = asked.filter((id) => !there.has(id));
      await store.addParticipants(tx, caller, row.id, added);
      if (added.length > 0) {
        await audit(tx, caller, context, {
          ...actOn("conversation.add_participants", row.id),
          details: { member_ids: added.slice(0, AUDITED_IDS), count: added.length },
        });
      }
      const now = new Map((await store.readParticipants(tx, caller, row.id, asked)).map((p) => [p.member_id, p]));
      return { participants: asked.flatMap((id) => now.get(id) ?? []).map(toParticipant) };
    }),

    removeParticipant: conversationMutation(method.removeParticipant, async (tx, caller, request, context) => {
      const row = await lockVisible(tx, caller, request.conversationId);
      // Everybody may leave.
      if (request.memberId !== caller.memberId) requireManage(caller, row);
      if (!(await store.removeParticipant(tx, caller, row.id, request.memberId))) throw notFound("participant");
      await audit(tx, caller, context, {
        ...actOn("conversation.remove_participant", row.id),
        details: { member_ids: [request.memberId] },
      });
      return {};
    }),

    async listParticipants(request, context) {
      const caller = callerFrom(context.principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListParticipantsRequestSchema, request, {
        item: ParticipantSchema,
        async read({ after: [joinSeq, memberId = ""] = [], limit }) {
          const after = joinSeq === undefined ? undefined : { joinSeq: BigInt(joinSeq), memberId };
          const rows = isOurId(request.conversationId)
            ? await store.listParticipants(
                database,
                caller,
                request.conversationId,
                { after, limit },
                context.interrupt,
              )
            : undefined;
          if (rows === undefined) throw notFound("conversation");
          return rows;
        },
        convert: toParticipant,
        key: ({ join_seq, member_id }) => [String(join_seq), member_id],
      });
      return { participants: items, ...page };
    },

    setMemberView: conversationMutation(method.setMemberView, setMemberView),

    listReadMarks: (request, context) => listMarks(database, secrets, request, context),

    markRead: conversationMutation(method.markRead, async (tx, caller, request) => {
      const row = await lockVisible(tx, caller, request.conversationId);
      const memberId = caller.memberId;
      if (memberId === null || !row.is_participant) {
        throw new DomainError(ErrorReason.PERMISSION_DENIED, "only participants have a read mark");
      }
      const end = row.last_seq;
      const asked = request.readSeq === 0n || request.readSeq > end ? end : request.readSeq;
      await store.markRead(tx, caller, row.id, memberId, asked);
      const [participant] = await store.readParticipants(tx, caller, row.id, [memberId]);
      return participant === undefined ? {} : { participant: toParticipant(participant) };
    }),
  });
}

function actOn(action: string, id: string): AuditedAct {
  return { action, resourceType: "conversation", resourceId: id };
}
