// LegalHoldService: what must not be erased.
import { create } from "@bufbuild/protobuf";
import { type LegalHold, LegalHoldSchema } from "../../../gen/colloquy/v1/legal_hold_pb.ts";
import * as pb from "../../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import { isOurId, newId } from "../../domain/ids/id.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { type AuditedAct, audit } from "../../store/audit/audit.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Database, Queryable } from "../../store/database.ts";
import { readMember } from "../../store/directory/members.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { wakeHeld } from "../../store/jobs/jobs.ts";
import * as store from "../../store/legal-holds/legal-holds.ts";
import { createMutations } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { KINDS, MATCHES_ANY, matchColumns, toLegalHold } from "./convert.ts";

export interface LegalHoldServiceOptions {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  /** Told when jobs may go on that waited for holds. */
  readonly wakeJobs: () => void;
}

/** Each statement that erases looks at all of them. */
const MOST = 1_000;

export function createLegalHoldService({ database, secrets, wakeJobs }: LegalHoldServiceOptions): ServiceEntry {
  const { method } = pb.LegalHoldService;
  const { mutation } = createMutations(database);
  const lift = mutation(method.liftLegalHold, async (tx, caller, { legalHoldId: id, reason }, context) => {
    const row = isOurId(id) ? await store.lockHold(tx, caller.tenantId, id) : undefined;
    if (row === undefined) throw notFound("legal hold");
    if (row.lift_time !== null) return { legalHold: toLegalHold(row) };
    if (row.two_person) requireAnother(context.principal, caller, row.creator);
    const lifted = await store.liftHold(tx, caller.tenantId, row.id, caller.name, reason);
    await audit(tx, caller, context, { ...actOn("lift", row.id), details: { name: row.name } });
    return { legalHold: toLegalHold(lifted) };
  });
  return serve(pb.LegalHoldService, {
    createLegalHold: mutation(method.createLegalHold, async (tx, caller, request, context) => {
      const hold = request.legalHold ?? create(LegalHoldSchema);
      if (hold.twoPerson) requirePerson(context.principal, "a hold that two persons lift");
      // First, so that nothing is erased between the look for what it covers and the hold.
      await store.stopErasing(tx, caller.tenantId);
      const scope = await scopeColumns(tx, caller, hold.scope);
      const id = newId();
      const values = { id, name: hold.displayName, reason: hold.reason, two_person: hold.twoPerson, ...scope };
      const row = await store.insertHold(tx, caller.tenantId, { ...values, creator: caller.name }, MOST);
      if (row === undefined) {
        throw new DomainError(ErrorReason.QUOTA_EXCEEDED, `a tenant has at most ${MOST} legal holds in force`);
      }
      const details = { name: row.name, scope: hold.scope.case ?? "", two_person: row.two_person };
      await audit(tx, caller, context, { ...actOn("create", row.id), details });
      return { legalHold: toLegalHold(row) };
    }),

    async getLegalHold({ legalHoldId: id }, { principal, interrupt }) {
      const { tenantId } = callerFrom(principal);
      const row = isOurId(id) ? await store.readHold(database, tenantId, id, interrupt) : undefined;
      if (row === undefined) throw notFound("legal hold");
      return { legalHold: toLegalHold(row) };
    },

    async listLegalHolds(request, { principal, interrupt }) {
      const caller = callerFrom(principal);
      const { showLifted, conversationId, memberId } = request;
      if (conversationId !== "" && showLifted) {
        throw invalidField("show_lifted", "must be false with a conversation", "legal_hold.in_force");
      }
      if (conversationId !== "" && (await findConversation(database, caller, conversationId)) === undefined) {
        throw notFound("conversation");
      }
      const { items, ...page } = await paginate(secrets, caller, pb.ListLegalHoldsRequestSchema, request, {
        item: LegalHoldSchema,
        read: ({ after: [before] = [], limit }) =>
          store.listHolds(
            database,
            caller.tenantId,
            {
              showLifted,
              conversationId: conversationId || undefined,
              memberId: memberId || undefined,
              before,
              limit,
            },
            interrupt,
          ),
        convert: toLegalHold,
        key: ({ id }) => [id],
      });
      return { legalHolds: items, ...page };
    },

    async liftLegalHold(request, context) {
      const answer = await lift(request, context);
      // After the commit: a job that is about to wait sees the hold lifted, or is woken here.
      await wakeHeld(database, callerFrom(context.principal).tenantId);
      wakeJobs();
      return answer;
    },
  });
}

/** Throws UNKNOWN_REFERENCE for a member or a conversation that does not exist; one that was deleted does. */
async function scopeColumns(tx: Queryable, caller: Caller, scope: LegalHold["scope"]) {
  const columns = { kind: KINDS.wholeTenant as number, member_id: null, conversation_id: null, ...MATCHES_ANY };
  switch (scope.case) {
    case "memberId":
      if ((await readMember(tx, caller, scope.value, true)) === undefined) {
        throw unknown("legal_hold.member_id", "member");
      }
      return { ...columns, kind: KINDS.memberId, member_id: scope.value };
    case "conversationId": {
      const row = await findConversation(tx, caller, scope.value);
      if (row === undefined) throw unknown("legal_hold.conversation_id", "conversation");
      return { ...columns, kind: KINDS.conversationId, conversation_id: row.id };
    }
    case "match":
      return { ...columns, kind: KINDS.match, ...matchColumns("legal_hold.match", scope.value) };
    default:
      return columns;
  }
}

/** One that was deleted, too. */
async function findConversation(on: Queryable, caller: Caller, id: string) {
  return isOurId(id) ? readConversation(on, caller, id, true) : undefined;
}

function unknown(field: string, resource: string): DomainError {
  const description = `must be a ${resource} of the tenant`;
  return new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${field}: ${description}`, {
    violations: [{ field, description, rule: "unknown_reference" }],
  });
}

/** Throws PERMISSION_DENIED for an API key, also one that acts for a member: whoever holds it may act for anybody. */
function requirePerson(principal: Principal, what: string): void {
  if (principal.kind === "member") return;
  throw new DomainError(ErrorReason.PERMISSION_DENIED, `${what} is for members that call with a token of their own`);
}

function requireAnother(principal: Principal, caller: Caller, creator: string): void {
  requirePerson(principal, "lifting this hold");
  if (caller.name !== creator) return;
  throw new DomainError(ErrorReason.PERMISSION_DENIED, "another member must lift this hold than placed it");
}

function actOn(action: string, id: string): AuditedAct {
  return { action: `legal_hold.${action}`, resourceType: "legal_hold", resourceId: id };
}
