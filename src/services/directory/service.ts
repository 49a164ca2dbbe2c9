// DirectoryService: the members of a tenant, with their roles and managers.
import * as pb from "../../../gen/colloquy/v1/directory_service_pb.ts";
import { MemberSchema } from "../../../gen/colloquy/v1/member_pb.ts";
import { invalidField, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isMemberId, MEMBER_ID_RULE, type Principal } from "../../domain/identity/principal.ts";
import { deletedOf, hidesPresent, showsDeleted } from "../../domain/lists/deleted.ts";
import { checkEtag, checkUpdateEtags } from "../../domain/updates/etag.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import type { Database, Queryable } from "../../store/database.ts";
import { roleNumber, roleOfNumber } from "../../store/directory/access.ts";
import * as store from "../../store/directory/members.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { eraseUnsent } from "../../store/drafts/drafts.ts";
import { erasePresence } from "../../store/presence/presence.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { auditMember, checkManager } from "./change-member.ts";
import { toMember } from "./convert.ts";
import { requireRank } from "./grants.ts";

export interface DirectoryServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  /** Told of each member that changed, so that the change shows here at once. */
  readonly forgetMember: (tenantId: string, memberId: string) => void;
}

export function createDirectoryService({ database, secrets, forgetMember }: DirectoryServiceOptions): ServiceEntry {
  const { method } = pb.DirectoryService;
  const { mutation } = createMutations(database);

  /** Lets a handler's change show on this server at once; on the others as soon as they are told. */
  const showing =
    <R extends { readonly memberId: string }, A>(handler: (request: R, context: CallContext) => Promise<A>) =>
    async (request: R, context: CallContext): Promise<A> => {
      const response = await handler(request, context);
      forgetMember(callerFrom(context.principal).tenantId, request.memberId);
      return response;
    };

  return serve(pb.DirectoryService, {
    upsertMember: showing(
      mutation(method.upsertMember, async (tx, caller, request, context) => {
        if (!isMemberId(request.memberId)) throw invalidField("member_id", `must be ${MEMBER_ID_RULE}`, "member_id");
        const { displayName = "", role = 0, managerId = "" } = request.member ?? {};
        await store.lockHierarchy(tx, caller.tenantId);
        const before = await store.lockMember(tx, caller.tenantId, request.memberId);
        if (before !== undefined) requireRank(context.principal, roleOfNumber(before.role));
        if (before === undefined) checkEtag(request.etag, 0);
        else checkUpdateEtags(request, request.member, before.version);
        const after = {
          displayName,
          role: role || (before?.role ?? roleNumber("member")),
          managerId: managerId || (before?.manager_id ?? null),
        };
        requireRank(context.principal, roleOfNumber(after.role));
        if (managerId !== "") await checkManager(tx, caller, "member.manager_id", request.memberId, managerId);
        const row = await store.writeMember(tx, caller.tenantId, request.memberId, after);
        await auditMember(tx, caller, context, "member.upsert", row, before);
        return { member: toMember(row) };
      }),
    ),

    async getMember({ memberId, deleted }, { principal, interrupt }) {
      const row = await store.readMember(database, callerFrom(principal), memberId, showsDeleted(deleted), interrupt);
      if (row === undefined || hidesPresent(deleted, row.delete_time)) throw notFound("member");
      return { member: toMember(row) };
    },

    async listMembers(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { items, ...page } = await paginate(secrets, caller, pb.ListMembersRequestSchema, request, {
        item: MemberSchema,
        read({ after: [after] = [], limit }) {
          const role = request.role || undefined;
          const managerId = request.managerId || undefined;
          const { memberIds: ids } = request;
          const list = { deleted: deletedOf(request.deleted), role, managerId, ids, after, limit };
          return store.listMembers(database, caller, list, interrupt);
        },
        convert: toMember,
        key: ({ id }) => [id],
      });
      return { members: items, ...page };
    },

    deleteMember: showing(
      mutation(method.deleteMember, async (tx, caller, request, context) => {
        await store.lockHierarchy(tx, caller.tenantId);
        const before = await lockPresent(tx, caller, request.memberId, context.principal, request.etag);
        const row = await store.deleteMember(tx, caller.tenantId, request.memberId);
        await eraseUnsent(tx, caller.tenantId, row.id);
        await erasePresence(tx, caller.tenantId, row.id);
        await auditMember(tx, caller, context, "member.delete", row, before);
        return { member: toMember(row) };
      }),
    ),

    setMemberRole: showing(
      mutation(method.setMemberRole, async (tx, caller, request, context) => {
        requireRank(context.principal, roleOfNumber(request.role));
        const before = await lockPresent(tx, caller, request.memberId, context.principal, request.etag);
        const row = await change(tx, caller, before, { role: request.role });
        if (row !== before) await auditMember(tx, caller, context, "member.set_role", row, before);
        return { member: toMember(row) };
      }),
    ),

    setMemberManager: showing(
      mutation(method.setMemberManager, async (tx, caller, request, context) => {
        const { memberId, managerId } = request;
        await store.lockHierarchy(tx, caller.tenantId);
        const before = await lockPresent(tx, caller, memberId, context.principal, request.etag);
        if (managerId !== "") await checkManager(tx, caller, "manager_id", memberId, managerId);
        const row = await change(tx, caller, before, { managerId: managerId || null });
        if (row !== before) await auditMember(tx, caller, context, "member.set_manager", row, before);
        return { member: toMember(row) };
      }),
    ),
  });
}

async function lockPresent(
  tx: Queryable,
  caller: Caller,
  id: string,
  principal: Principal,
  etag: string,
): Promise<store.MemberRow> {
  const row = await store.lockMember(tx, caller.tenantId, id);
  if (row === undefined || row.delete_time !== null) throw notFound("member");
  requireRank(principal, roleOfNumber(row.role));
  checkEtag(etag, row.version);
  return row;
}

/** Writes what changes of a locked member. A change to what is there already leaves no trace. */
async function change(
  tx: Queryable,
  caller: Caller,
  before: store.MemberRow,
  values: Partial<store.MemberValues>,
): Promise<store.MemberRow> {
  const { display_name: displayName, role, manager_id: managerId } = before;
  const after = { displayName, role, managerId, ...values };
  if (after.role === role && after.managerId === managerId) return before;
  return store.writeMember(tx, caller.tenantId, before.id, after);
}
