// For each RPC, a request for another tenant's resources. A new RPC without a case fails the test.

import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { TurnPolicy } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { Database } from "../../../src/store/database.ts";

/** What there is in a tenant to ask for. */
export interface Target {
  readonly tenantId: string;
  readonly slug: string;
  readonly conversationId: string;
  readonly deletedConversationId: string;
  readonly messageId: string;
  readonly deletedMessageId: string;
  readonly memberId: string;
  readonly keyId: string;
  readonly fileId: string;
  readonly agentId: string;
  readonly agentName: string;
  readonly turnId: string;
  readonly endpointId: string;
  readonly legalHoldId: string;
  readonly retentionPolicyId: string;
  readonly jobId: string;
  readonly scheduledMessageId: string;
  /** A word that is in a message of this tenant and nowhere else. */
  readonly word: string;
  /** By method name: a page token that this tenant was given. */
  readonly pageTokens: Readonly<Record<string, string>>;
}

export interface IsolationCase {
  /** The requests, in the init shape of the method's input. */
  readonly ask: (target: Target) => readonly object[];
  /** What the tenant's own administrator gets for the same; `ok` unless told. */
  readonly own?: string;
}

const one = (ask: (target: Target) => object, own?: string): IsolationCase => ({
  ask: (target) => [ask(target)],
  ...(own && { own }),
});
const conversation = one(({ conversationId }) => ({ conversationId }));
const deletedConversation = one(({ deletedConversationId }) => ({ conversationId: deletedConversationId }));
const endpoint = one(({ endpointId }) => ({ endpointId }));
const legalHold = one(({ legalHoldId }) => ({ legalHoldId }));
const file = one(({ fileId }) => ({ fileId }));
const scheduled = one(({ scheduledMessageId }) => ({ scheduledMessageId }));
const message = one(({ messageId }) => ({ messageId }));
/** With the arguments, for which the token was given, and with none. */
const listing = (name: string, filters: (target: Target) => readonly object[] = () => []): IsolationCase => ({
  ask: (target) => [...filters(target), { pageSize: 1, pageToken: target.pageTokens[name] ?? "" }],
});

export const ISOLATION_CASES: Readonly<Record<string, IsolationCase>> = {
  "colloquy.v1.ConversationService/CreateConversation": {
    ask: ({ memberId }) => [{ participantIds: [memberId] }, { conversation: { ownerId: memberId } }],
  },
  "colloquy.v1.ConversationService/GetConversation": {
    ask: ({ conversationId: id, deletedConversationId: gone }) => [
      { conversationId: id },
      { conversationId: gone, deleted: DeletedFilter.ONLY },
    ],
  },
  "colloquy.v1.ConversationService/BatchGetConversations": one(({ conversationId: id }) => ({ conversationIds: [id] })),
  "colloquy.v1.ConversationService/ListConversations": listing("ListConversations", ({ memberId }) => [
    { ownerId: memberId },
    { participantId: memberId, includeTotalSize: true },
    { creator: { id: memberId } },
  ]),
  "colloquy.v1.ConversationService/UpdateConversation": one(({ conversationId }) => ({
    conversationId,
    conversation: { title: "taken" },
  })),
  "colloquy.v1.ConversationService/DeleteConversation": conversation,
  "colloquy.v1.ConversationService/ForkConversation": conversation,
  "colloquy.v1.ConversationService/RestoreConversation": deletedConversation,
  "colloquy.v1.ConversationService/PurgeConversation": conversation,
  // Conversations that the caller may not see are passed over in silence, as for BatchGetConversations.
  "colloquy.v1.ConversationService/AssignConversationNumbers": one(({ conversationId: id }) => ({
    conversationIds: [id],
  })),
  "colloquy.v1.ParticipantService/AddParticipants": one(({ conversationId, memberId }) => ({
    conversationId,
    memberIds: [memberId],
  })),
  "colloquy.v1.ParticipantService/RemoveParticipant": one(({ conversationId, memberId }) => ({
    conversationId,
    memberId,
  })),
  "colloquy.v1.ParticipantService/ListParticipants": conversation,
  "colloquy.v1.ParticipantService/SetMemberView": one(
    ({ conversationId }) => ({ conversationId, pinned: true }),
    "PERMISSION_DENIED",
  ),
  "colloquy.v1.ParticipantService/ListReadMarks": conversation,
  "colloquy.v1.ParticipantService/MarkRead": one(({ conversationId }) => ({ conversationId }), "PERMISSION_DENIED"),
  "colloquy.v1.ReactionService/AddReaction": one(({ messageId }) => ({ messageId, reaction: "👍" })),
  "colloquy.v1.ReactionService/RemoveReaction": one(({ messageId }) => ({ messageId, reaction: "🎉" })),
  "colloquy.v1.ReactionService/ListReactions": message,
  // It names nothing that is there: what comes in goes to the caller's own tenant.
  "colloquy.v1.FileService/CreateFile": { ask: () => [] },
  "colloquy.v1.FileService/GetFile": file,
  "colloquy.v1.FileService/ListFiles": conversation,
  "colloquy.v1.FileService/ListMessageFiles": message,
  "colloquy.v1.FileService/DownloadFile": file,
  "colloquy.v1.FileService/DeleteFile": file,
  "colloquy.v1.SignalService/SendSignal": one(({ conversationId }) => ({ conversationId, name: "typing" })),
  "colloquy.v1.PresenceService/BatchGetPresence": one(({ memberId }) => ({ memberIds: [memberId] })),
  // It names nothing: the caller's own alone.
  "colloquy.v1.PresenceService/SetPresence": { ask: () => [] },
  "colloquy.v1.DraftService/SetDraft": one(({ conversationId }) => ({ conversationId, message: { content: "x" } })),
  "colloquy.v1.DraftService/GetDraft": conversation,
  "colloquy.v1.DraftService/ListDrafts": listing("ListDrafts", ({ conversationId }) => [{ conversationId }]),
  "colloquy.v1.DraftService/DeleteDraft": conversation,
  "colloquy.v1.DraftService/ScheduleMessage": one(({ conversationId }) => ({
    conversationId,
    scheduledMessage: { message: { content: "x" }, sendTime: timestampFromMs(Date.now() + 3_600_000) },
  })),
  "colloquy.v1.DraftService/GetScheduledMessage": scheduled,
  "colloquy.v1.DraftService/ListScheduledMessages": listing("ListScheduledMessages", ({ conversationId }) => [
    { conversationId },
  ]),
  "colloquy.v1.DraftService/CancelScheduledMessage": scheduled,
  "colloquy.v1.EventService/ListEvents": conversation,
  "colloquy.v1.EventService/Subscribe": conversation,
  // It names nothing that is there: what comes in goes to the caller's own tenant.
  "colloquy.v1.TransferService/ImportConversations": { ask: () => [] },
  "colloquy.v1.TransferService/ExportConversations": conversation,

  "colloquy.v1.MessageService/SendMessage": one(({ conversationId }) => ({
    conversationId,
    message: { role: 1, content: "hello" },
  })),
  "colloquy.v1.MessageService/BatchSendMessages": one(({ conversationId }) => ({
    conversationId,
    messages: [{ role: 1, content: "hello" }],
  })),
  "colloquy.v1.MessageService/GetMessage": {
    ask: ({ messageId, deletedMessageId }) => [
      { messageId },
      { messageId: deletedMessageId, deleted: DeletedFilter.ONLY },
    ],
  },
  "colloquy.v1.MessageService/ListMessages": {
    ask: ({ conversationId, pageTokens }) => [
      { conversationId },
      { conversationId, deleted: DeletedFilter.ONLY },
      { conversationId: "-", deleted: DeletedFilter.ONLY, pageSize: 1, pageToken: pageTokens.ListMessages },
    ],
  },
  "colloquy.v1.MessageService/BatchListMessages": one(({ conversationId: id }) => ({ conversationIds: [id] })),
  "colloquy.v1.MessageService/SearchMessages": {
    ask: ({ word, conversationId }) => [{ query: word }, { query: word, conversationId }],
  },
  "colloquy.v1.MessageService/UpdateMessage": one(({ messageId }) => ({ messageId, message: { content: "taken" } })),
  "colloquy.v1.MessageService/DeleteMessage": message,
  "colloquy.v1.MessageService/RestoreMessage": one(({ deletedMessageId }) => ({ messageId: deletedMessageId })),
  "colloquy.v1.MessageService/DeleteAllMessages": conversation,
  "colloquy.v1.MessageService/RestoreAllMessages": conversation,
  "colloquy.v1.MessageService/ListMessageRevisions": message,
  "colloquy.v1.MessageService/ListBranches": conversation,
  "colloquy.v1.MessageService/ListReplies": message,
  "colloquy.v1.MessageService/ListMentions": one(({ conversationId }) => ({ conversationId }), "PERMISSION_DENIED"),
  "colloquy.v1.MessageService/SelectBranch": one(({ conversationId, messageId }) => ({ conversationId, messageId })),
  "colloquy.v1.MessageService/ReplaceMessages": one(({ conversationId }) => ({
    conversationId,
    messages: [{ role: 1, content: "taken" }],
  })),

  "colloquy.v1.TurnService/Chat": one(({ conversationId }) => ({
    conversationId,
    message: { role: 1, content: "hello" },
  })),
  "colloquy.v1.TurnService/Regenerate": {
    // The first goes on after its caller has left.
    ask: ({ conversationId, messageId }) => [
      { conversationId },
      { conversationId, messageId, ifRunning: TurnPolicy.INTERRUPT },
    ],
  },
  "colloquy.v1.TurnService/GetTurn": one(({ turnId }) => ({ turnId })),
  "colloquy.v1.TurnService/ListTurns": one(({ conversationId }) => ({ conversationId })),
  "colloquy.v1.TurnService/ListTurnEntries": one(({ turnId }) => ({ turnId })),
  "colloquy.v1.TurnService/AnswerTurn": {
    ...one(({ turnId }) => ({ turnId, results: [{ callId: "c1", output: { case: "text", value: "taken" } }] })),
    own: "NOT_AWAITED",
  },
  "colloquy.v1.TurnService/CancelTurn": one(({ turnId }) => ({ turnId })),
  "colloquy.v1.TurnService/ResumeTurn": one(({ turnId }) => ({ turnId })),
  "colloquy.v1.TurnService/CreateTurn": one(({ conversationId }) => ({
    conversationId,
    messages: [{ role: 1, content: "hello" }],
  })),
  "colloquy.v1.TurnService/DeleteTurn": one(({ turnId }) => ({ turnId })),

  // A name is one in its own tenant, and may be another's too.
  "colloquy.v1.AgentService/CreateAgent": { ask: () => [] },
  "colloquy.v1.AgentService/GetAgent": {
    ask: ({ agentId, agentName }) => [{ agentId }, { agentId: agentName }],
  },
  "colloquy.v1.AgentService/ListAgents": listing("ListAgents"),
  "colloquy.v1.AgentService/UpdateAgent": one(({ agentId }) => ({ agentId, agent: { description: "taken" } })),
  "colloquy.v1.AgentService/DeleteAgent": one(({ agentId }) => ({ agentId })),

  // It names nothing that is there.
  "colloquy.v1.WebhookService/CreateWebhookEndpoint": { ask: () => [] },
  "colloquy.v1.WebhookService/GetWebhookEndpoint": endpoint,
  "colloquy.v1.WebhookService/ListWebhookEndpoints": listing("ListWebhookEndpoints"),
  "colloquy.v1.WebhookService/UpdateWebhookEndpoint": one(({ endpointId }) => ({
    endpointId,
    endpoint: { description: "taken" },
  })),
  "colloquy.v1.WebhookService/DeleteWebhookEndpoint": endpoint,
  "colloquy.v1.WebhookService/PauseWebhookEndpoint": endpoint,
  "colloquy.v1.WebhookService/ResumeWebhookEndpoint": endpoint,
  "colloquy.v1.WebhookService/RotateWebhookSecret": endpoint,
  "colloquy.v1.WebhookService/TestWebhookEndpoint": endpoint,
  "colloquy.v1.WebhookService/ReplayWebhookEndpoint": one(({ endpointId }) => ({
    endpointId,
    from: { place: { case: "beginning", value: true } },
  })),
  "colloquy.v1.WebhookService/ListWebhookDeliveries": endpoint,

  "colloquy.v1.LegalHoldService/CreateLegalHold": {
    ask: ({ memberId, conversationId }) =>
      [
        { case: "memberId", value: memberId },
        { case: "conversationId", value: conversationId },
      ].map((scope) => ({ legalHold: { displayName: "x", reason: "x", scope } })),
  },
  "colloquy.v1.LegalHoldService/GetLegalHold": legalHold,
  "colloquy.v1.LegalHoldService/ListLegalHolds": listing("ListLegalHolds", ({ conversationId, memberId }) => [
    { conversationId },
    { memberId },
  ]),
  "colloquy.v1.LegalHoldService/LiftLegalHold": one(({ legalHoldId }) => ({ legalHoldId, reason: "x" })),

  // It names nothing that is there.
  "colloquy.v1.RetentionService/CreateRetentionPolicy": { ask: () => [] },
  "colloquy.v1.RetentionService/PreviewRetentionPolicy": one(() => ({
    retentionPolicy: { displayName: "x", action: 3, ageDays: 1 },
  })),
  "colloquy.v1.RetentionService/GetRetentionPolicy": one(({ retentionPolicyId }) => ({ retentionPolicyId })),
  "colloquy.v1.RetentionService/DeleteRetentionPolicy": one(({ retentionPolicyId }) => ({ retentionPolicyId })),
  "colloquy.v1.RetentionService/ListRetentionPolicies": listing("ListRetentionPolicies"),
  "colloquy.v1.RetentionService/ListRetentionRuns": one(({ retentionPolicyId }) => ({ retentionPolicyId })),

  "colloquy.v1.ErasureService/PreviewErasure": one(({ memberId }) => ({ memberId })),
  "colloquy.v1.ErasureService/EraseMember": one(({ memberId }) => ({ memberId })),
  "colloquy.v1.JobService/GetJob": one(({ jobId }) => ({ jobId })),
  "colloquy.v1.JobService/ListJobs": listing("ListJobs", ({ memberId }) => [{ memberId }]),
  "colloquy.v1.JobService/CancelJob": one(({ jobId }) => ({ jobId })),

  "colloquy.v1.TransferService/ExportMember": one(({ memberId }) => ({ memberId })),
  "colloquy.v1.DirectoryService/UpsertMember": one(({ memberId }) => ({
    memberId: "x-new-member",
    member: { managerId: memberId },
  })),
  "colloquy.v1.DirectoryService/GetMember": {
    ask: ({ memberId }) => [{ memberId }, { memberId, deleted: DeletedFilter.INCLUDE }],
  },
  "colloquy.v1.DirectoryService/ListMembers": listing("ListMembers", ({ memberId }) => [{ managerId: memberId }]),
  "colloquy.v1.DirectoryService/DeleteMember": one(({ memberId }) => ({ memberId })),
  "colloquy.v1.DirectoryService/SetMemberRole": one(({ memberId }) => ({ memberId, role: 1 })),
  "colloquy.v1.DirectoryService/SetMemberManager": one(({ memberId }) => ({ memberId, managerId: "" })),

  // Names nothing of anybody's: only the header X-Tenant could point it elsewhere.
  "colloquy.v1.AccessService/CreateApiKey": { ask: () => [] },
  "colloquy.v1.AccessService/ListApiKeys": listing("ListApiKeys"),
  "colloquy.v1.AccessService/RotateApiKey": one(({ keyId }) => ({ apiKeyId: keyId })),
  "colloquy.v1.AccessService/RevokeApiKey": one(({ keyId }) => ({ apiKeyId: keyId })),
  "colloquy.v1.AccessService/CreateClientToken": one(({ memberId }) => ({ memberId })),
  "colloquy.v1.AccessService/WhoAmI": { ask: () => [] },

  "colloquy.v1.TenantService/CreateTenant": one(({ slug }) => ({ tenant: { slug } }), "PERMISSION_DENIED"),
  "colloquy.v1.TenantService/GetTenant": {
    ask: ({ tenantId, slug }) => [{ tenantId }, { tenantId: slug }],
    own: "PERMISSION_DENIED",
  },
  "colloquy.v1.TenantService/ListTenants": { ask: () => [{}], own: "PERMISSION_DENIED" },
  "colloquy.v1.TenantService/UpdateTenant": one(
    ({ tenantId }) => ({ tenantId, tenant: { displayName: "taken" } }),
    "PERMISSION_DENIED",
  ),

  "colloquy.v1.AnalyticsService/GetConversationAnalytics": conversation,
  "colloquy.v1.AnalyticsService/GetTenantAnalytics": { ask: () => [] },

  "colloquy.v1.AuditService/ListAuditEntries": listing("ListAuditEntries", ({ conversationId, keyId, memberId }) => [
    { resourceId: conversationId },
    { actor: { type: ActorType.API_KEY, id: keyId } },
    { actor: { type: ActorType.MEMBER, id: memberId } },
  ]),
  "colloquy.v1.AuditService/ExportAuditEntries": { ask: () => [{}] },
  "colloquy.v1.AuditService/VerifyAudit": { ask: () => [{}] },
};

/** That a caller was here is noted once it has gone, of itself. What it chose to tell others is not left out. */
const WITHOUT: Readonly<Record<string, string>> = {
  // Entries are sealed soon after they were made.
  audit_chain: "where false",
  presence: "where t.mode <> 1",
  presence_lease: "where false",
  presence_session: "where false",
};

/** A fingerprint of everything in every table, by table. Last uses of keys are written late, and are left out. */
export async function fingerprint(database: Database): Promise<Record<string, string>> {
  const tables = await database.query<{ name: string }>(
    {
      name: "isolation_tables",
      text: "select table_name as name from information_schema.tables where table_schema = 'public' order by 1",
    },
    [],
  );
  const prints: Record<string, string> = {};
  for (const { name } of tables) {
    const text = `select /* test */ coalesce(md5(string_agg(h, '' order by h)), '') as print
      from (select md5((to_jsonb(t) - '{last_use_time,last_seen_time,chain_seq,chain_salt,chain_digest,chain_hash}'::text[])::text) as h from "${name}" t ${WITHOUT[name] ?? ""}) rows`;
    const [row] = await database.query<{ print: string }>({ name: `isolation_${name}`, text }, []);
    prints[name] = row?.print ?? "";
  }
  return prints;
}
