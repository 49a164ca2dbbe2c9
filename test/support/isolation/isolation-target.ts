// Creates a tenant with one of every resource that a caller could request.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ApiKeyScope } from "../../../gen/colloquy/v1/api_key_pb.ts";
import { AuditService } from "../../../gen/colloquy/v1/audit_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DirectoryService } from "../../../gen/colloquy/v1/directory_service_pb.ts";
import { DraftService } from "../../../gen/colloquy/v1/draft_service_pb.ts";
import { ErasureService } from "../../../gen/colloquy/v1/erasure_service_pb.ts";
import { FileService } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { JobService } from "../../../gen/colloquy/v1/job_service_pb.ts";
import { LegalHoldService } from "../../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { ReactionService } from "../../../gen/colloquy/v1/reaction_service_pb.ts";
import { RetentionAction } from "../../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../../gen/colloquy/v1/retention_service_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { WebhookService } from "../../../gen/colloquy/v1/webhook_service_pb.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import type { Credential, IdentityServer, IdentityTenant } from "../servers/identity-server.ts";
import type { Target } from "./isolation-cases.ts";

/** Letters of which no two furnished tenants have the same twelve. */
function letters(): string {
  return Array.from({ length: 12 }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join("");
}

export async function furnish(server: IdentityServer, tenant: IdentityTenant, admin: Credential): Promise<Target> {
  const conversations = server.client(ConversationService, admin);
  const messages = server.client(MessageService, admin);
  const directory = server.client(DirectoryService, admin);
  const access = server.client(AccessService, admin);
  const word = letters();
  const memberId = `member-${letters()}`;
  await directory.upsertMember({ memberId });
  await directory.upsertMember({ memberId: `other-${letters()}` });

  const agents = server.client(AgentService, admin);
  const agentName = `agent-${letters()}`;
  const echo = { case: "echo", value: {} } as const;
  const { agent } = await agents.createAgent({ agent: { name: agentName, connector: echo } });
  await agents.createAgent({ agent: { name: `agent-${letters()}`, connector: echo } });

  const make = async () => {
    const { conversation } = await conversations.createConversation({
      conversation: { title: word, ownerId: memberId, agent: agent?.id ?? "" },
      participantIds: [memberId],
    });
    return conversation?.id ?? "";
  };
  const [conversationId, deletedConversationId] = [await make(), await make()];
  await make();
  const say = async (content: string) => {
    const { message } = await messages.sendMessage({ conversationId, message: { role: MessageRole.USER, content } });
    return message?.id ?? "";
  };
  const messageId = await say(`hello ${word}`);
  await server.client(ReactionService, admin).addReaction({ messageId, reaction: "🎉" });
  const { file } = await server.client(FileService, admin).createFile(
    (async function* () {
      yield { name: `${word}.txt`, body: { data: new TextEncoder().encode(word) } };
    })(),
  );
  const source = { case: "fileId" as const, value: file?.id ?? "" };
  await messages.sendMessage({
    conversationId,
    message: { parts: [{ content: { case: "file", value: { source } } }] },
  });
  const drafts = server.client(DraftService, admin);
  for (const id of [conversationId, await make()]) {
    await drafts.setDraft({ conversationId: id, message: { content: word } });
  }
  const schedule = async () => {
    const sendTime = timestampFromMs(Date.now() + 3_600_000);
    const later = { conversationId, scheduledMessage: { message: { content: word }, sendTime } };
    return (await drafts.scheduleMessage(later)).scheduledMessage?.id ?? "";
  };
  const scheduledMessageId = await schedule();
  await schedule();
  const deleted = [await say("a"), await say("b")];
  for (const id of deleted) await messages.deleteMessage({ messageId: id });
  const chat = server
    .client(TurnService, admin)
    .chat({ conversationId, message: { role: MessageRole.USER, content: "hello" } });
  let turnId = "";
  for await (const { event } of chat) if (event.case === "started") turnId = event.value.turn?.id ?? "";
  await conversations.deleteConversation({ conversationId: deletedConversationId });
  const hooks = server.client(WebhookService, admin);
  const target = { case: "url", value: "http://hooks.invalid/" } as const;
  const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: { target } });
  const { endpoint: other } = await hooks.createWebhookEndpoint({ endpoint: { target } });
  // Attempts would change tables by themselves.
  for (const made of [endpoint, other]) await hooks.pauseWebhookEndpoint({ endpointId: made?.id ?? "" });
  const holds = server.client(LegalHoldService, admin);
  const scope = { case: "match" as const, value: { entityType: word } };
  const legalHold = { displayName: word, reason: word, scope };
  const { legalHold: held } = await holds.createLegalHold({ legalHold });
  await holds.createLegalHold({ legalHold });
  const retention = server.client(RetentionService, admin);
  const retentionPolicy = { displayName: word, action: RetentionAction.KEEP };
  const { retentionPolicy: policy } = await retention.createRetentionPolicy({ retentionPolicy });
  await retention.createRetentionPolicy({ retentionPolicy });
  const jobs = server.client(JobService, admin);
  const jobIds: string[] = [];
  for (const id of [newId(), newId()]) {
    await tenant.addMember(id);
    const { job } = await server.client(ErasureService, admin).eraseMember({ memberId: id });
    // One that goes on would change tables by itself.
    await jobs.cancelJob({ jobId: job?.id ?? "" });
    jobIds.push(job?.id ?? "");
  }
  const { apiKey } = await access.createApiKey({ apiKey: { scopes: [ApiKeyScope.READ] } });

  const first = { pageSize: 1 };
  const allDeleted = { conversationId: "-", deleted: DeletedFilter.ONLY };
  return {
    tenantId: tenant.id,
    slug: tenant.slug,
    conversationId,
    deletedConversationId,
    messageId,
    deletedMessageId: deleted[0] ?? "",
    memberId,
    keyId: apiKey?.id ?? "",
    fileId: file?.id ?? "",
    agentId: agent?.id ?? "",
    agentName,
    turnId,
    endpointId: endpoint?.id ?? "",
    legalHoldId: held?.id ?? "",
    retentionPolicyId: policy?.id ?? "",
    jobId: jobIds[0] ?? "",
    scheduledMessageId,
    word,
    pageTokens: {
      ListConversations: (await conversations.listConversations(first)).nextPageToken,
      ListMessages: (await messages.listMessages({ ...first, ...allDeleted })).nextPageToken,
      ListDrafts: (await drafts.listDrafts(first)).nextPageToken,
      ListScheduledMessages: (await drafts.listScheduledMessages(first)).nextPageToken,
      ListAgents: (await agents.listAgents(first)).nextPageToken,
      ListWebhookEndpoints: (await hooks.listWebhookEndpoints(first)).nextPageToken,
      ListLegalHolds: (await holds.listLegalHolds(first)).nextPageToken,
      ListRetentionPolicies: (await retention.listRetentionPolicies(first)).nextPageToken,
      ListJobs: (await jobs.listJobs(first)).nextPageToken,
      ListMembers: (await directory.listMembers(first)).nextPageToken,
      ListApiKeys: (await access.listApiKeys(first)).nextPageToken,
      ListAuditEntries: (await server.client(AuditService, admin).listAuditEntries(first)).nextPageToken,
    },
  };
}

/** The same kinds of names, of nothing anywhere. */
export function randomTarget(like: Target): Target {
  const damaged = (token: string) => `${token.startsWith("A") ? "B" : "A"}${token.slice(1)}`;
  return {
    tenantId: newId(),
    slug: `t-${newId()}`,
    conversationId: newId(),
    deletedConversationId: newId(),
    messageId: newId(),
    deletedMessageId: newId(),
    memberId: `member-${letters()}`,
    keyId: newId(),
    fileId: newId(),
    agentId: newId(),
    agentName: `agent-${letters()}`,
    turnId: newId(),
    endpointId: newId(),
    legalHoldId: newId(),
    retentionPolicyId: newId(),
    jobId: newId(),
    scheduledMessageId: newId(),
    word: letters(),
    pageTokens: Object.fromEntries(Object.entries(like.pageTokens).map(([name, token]) => [name, damaged(token)])),
  };
}
