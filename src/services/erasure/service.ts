// ErasureService: erases what a person wrote, said and was.
import * as pb from "../../../gen/colloquy/v1/erasure_service_pb.ts";
import { notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { audit } from "../../store/audit/audit.ts";
import type { Database } from "../../store/database.ts";
import { roleOfNumber } from "../../store/directory/access.ts";
import { deleteMember, lockHierarchy, lockMember, readMember } from "../../store/directory/members.ts";
import { buryMember, countAll, countConversations, holdOnMember } from "../../store/erasure/rest.ts";
import { insertJob, openJobOf, receiptOf } from "../../store/jobs/jobs.ts";
import { beginErasing, held } from "../../store/legal-holds/legal-holds.ts";
import { erasePresence } from "../../store/presence/presence.ts";
import { requireRank } from "../directory/grants.ts";
import { toJob } from "../jobs/convert.ts";
import { createMutations } from "../mutations.ts";

export interface ErasureServiceOptions {
  readonly database: Database;
  /** Told of each member that is erased, so that it is shut out here at once. */
  readonly forgetMember: (tenantId: string, memberId: string) => void;
  /** Told of each new job. */
  readonly wake: () => void;
}

export function createErasureService({ database, forgetMember, wake }: ErasureServiceOptions): ServiceEntry {
  const { mutation } = createMutations(database);
  const erase = mutation(pb.ErasureService.method.eraseMember, async (tx, caller, { memberId }, context) => {
    const { tenantId } = caller;
    await lockHierarchy(tx, tenantId);
    const member = await lockMember(tx, tenantId, memberId);
    if (member === undefined) {
      const receipt = await receiptOf(tx, tenantId, memberId);
      if (receipt === undefined) throw notFound("member");
      return { job: toJob(receipt) };
    }
    requireRank(context.principal, roleOfNumber(member.role));
    const open = await openJobOf(tx, tenantId, memberId);
    if (open !== undefined) return { job: toJob(open) };
    await beginErasing(tx, tenantId);
    const hold = await holdOnMember(tx, tenantId, memberId);
    if (hold !== undefined) throw held("member", hold);
    await buryMember(tx, tenantId, memberId);
    if (member.delete_time === null) await deleteMember(tx, tenantId, memberId);
    await erasePresence(tx, tenantId, memberId);
    const job = await insertJob(tx, tenantId, memberId, await countConversations(tx, tenantId), caller.name);
    const details = { job_id: job.id };
    await audit(tx, caller, context, { action: "member.erase", resourceType: "member", resourceId: memberId, details });
    return { job: toJob(job) };
  });
  return serve(pb.ErasureService, {
    async previewErasure({ memberId }, { principal, interrupt }) {
      const caller: Caller = callerFrom(principal);
      if ((await readMember(database, caller, memberId, true, interrupt)) === undefined) throw notFound("member");
      const found = await countAll(database, caller.tenantId, memberId, interrupt);
      return {
        conversationCount: found.conversations,
        purgedConversationCount: found.alone,
        heldCount: found.held,
        messageCount: found.messages,
        fileCount: found.files,
        apiKeyCount: found.keys,
        editedMessageCount: found.edited,
        changedConversationCount: found.changed,
      };
    },

    async eraseMember(request, context) {
      const answer = await erase(request, context);
      forgetMember(callerFrom(context.principal).tenantId, request.memberId);
      wake();
      return answer;
    },
  });
}
