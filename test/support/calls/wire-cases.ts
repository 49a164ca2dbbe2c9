// The table of calls to which every wire form must respond alike: for each RPC at least one that succeeds.
import { randomUUID } from "node:crypto";
import type { JsonObject } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ApiKeyScope } from "../../../gen/colloquy/v1/api_key_pb.ts";
import { AuditService } from "../../../gen/colloquy/v1/audit_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
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
import { TenantService } from "../../../gen/colloquy/v1/tenant_service_pb.ts";
import type { TurnStarted } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { WebhookService } from "../../../gen/colloquy/v1/webhook_service_pb.ts";
import type { Credential, IdentityServer, IdentityTenant } from "../servers/identity-server.ts";
import { transportOver } from "./five-wires.ts";

/** One tenant with a few members, and ways to make what a call needs. */
export interface World {
  readonly server: IdentityServer;
  readonly tenant: IdentityTenant;
  /** A key with every scope that acts for the administrator `ada`. */
  readonly admin: Credential;
  readonly root: Credential;
  /** To the server, for the administrator. */
  readonly transport: Transport;
  /** A key with every scope that acts for nobody. */
  readonly key: Credential;
  /** A conversation of ada's, with so many messages; gives its id. */
  conversation(options?: { messages?: number; title?: string; agent?: string; said?: string }): Promise<string>;
  /** The id of a message in a conversation of its own. */
  message(content?: string): Promise<string>;
  member(id?: string): Promise<string>;
  apiKey(): Promise<string>;
  newTenant(): Promise<string>;
  /** An agent that says what it is told; gives its id and its name. */
  agent(): Promise<{ agentId: string; name: string }>;
  /** The id of a file that a message names, and of that message and its conversation. */
  file(): Promise<{ fileId: string; messageId: string; conversationId: string }>;
  /** Deletes all webhook endpoints: what others have begun to deliver changes while it is read. */
  deleteEndpoints(): Promise<void>;
  /** The id of a webhook endpoint. */
  endpoint(): Promise<string>;
  /** The id of a legal hold on a member that has nothing. */
  legalHold(): Promise<string>;
  /** The id of a retention policy that keeps. */
  retentionPolicy(): Promise<string>;
  /** The id of a job that was cancelled. */
  job(): Promise<string>;
  /** A turn that has ended; gives its id. */
  turn(): Promise<string>;
  /** A turn that waits for the result of the call `c1`; gives its id. */
  waitingTurn(): Promise<string>;
  deleteConversation(id: string): Promise<void>;
  deleteMessage(id: string): Promise<void>;
  closeConversation(id: string): Promise<void>;
}

export interface WireCase {
  /** `ConversationService.GetConversation` */
  readonly rpc: string;
  /** What is special about it. */
  readonly name?: string;
  /** Who calls. Default: admin. */
  readonly as?: "admin" | "root" | "key";
  /** Makes what the call needs, anew each time, and gives the request messages as JSON. */
  readonly requests: (world: World) => Promise<JsonObject[]> | JsonObject[];
  /** Of an endless stream, how many messages are read. */
  readonly take?: number;
  /** A field of the answer that a repeat with the same request id leaves out: a secret is told once. */
  readonly toldOnce?: string;
  /**
   * A field of the answer that may be another one each time: a signature, or a page token that says which transactions
   * the first page has seen, of which some run in the background.
   */
  readonly toldAnew?: string;
  /** The reason of its error. Default: it succeeds. */
  readonly fails?: string;
}

const POLICY: JsonObject = {
  displayName: "Größe",
  match: { mode: "none", labels: { matter: "blue" } },
  action: "RETENTION_ACTION_PURGE",
  basis: "RETENTION_BASIS_CREATION",
  ageDays: 365,
};

export async function createWorld(server: IdentityServer): Promise<World> {
  const tenant = await server.tenant();
  await tenant.addMember("ada", { role: "admin" });
  await tenant.addMember("bob");
  await tenant.addMember("cy", { role: "lead", manager: "bob" });
  const key = await tenant.key("read", "write", "admin");
  const admin = { ...key.credential, "x-act-for": "ada" };
  const root = await server.superAdmin();
  const transport = transportOver("Connect proto", server.url, admin);
  const conversations = createClient(ConversationService, transport);
  const messages = createClient(MessageService, transport);
  const agents = createClient(AgentService, transport);
  const hooks = createClient(WebhookService, transport);
  const retention = createClient(RetentionService, transport);
  const tenants = createClient(TenantService, transportOver("Connect proto", server.url, root));
  const holds = createClient(LegalHoldService, transport);

  const agent: World["agent"] = async () => {
    const name = `a-${randomUUID()}`;
    const made = await agents.createAgent({ agent: { name, connector: { case: "echo", value: {} } } });
    return { agentId: made.agent?.id as string, name };
  };
  const chattable = async () => conversation({ agent: (await agent()).name });
  const conversation: World["conversation"] = async ({
    messages: count = 0,
    title = "Talk",
    agent = "",
    said,
  } = {}) => {
    const { conversation: made } = await conversations.createConversation({
      conversation: { title, agent, metadata: { __proto__: null, depth: { of: [1, -0.5, null, true] } } },
      participantIds: ["bob"],
      messages: Array.from({ length: count }, (_, i) => ({
        content: said ?? `message ${i + 1} of ${count}`,
        role: i % 2 === 0 ? MessageRole.USER : MessageRole.ASSISTANT,
      })),
    });
    return made?.id as string;
  };
  const turn: World["turn"] = async () => {
    const asked = { conversationId: await chattable(), message: { content: "Hello" } };
    const events = await Array.fromAsync(createClient(TurnService, transport).chat(asked));
    const started = events.find(({ event }) => event.case === "started")?.event.value as TurnStarted;
    return started.turn?.id as string;
  };
  return {
    server,
    tenant,
    admin,
    root,
    transport,
    key: key.credential,
    conversation,
    async message(content = "Grüße, 世界 🌍") {
      const { message } = await messages.sendMessage({
        conversationId: await conversation(),
        message: { content, metadata: { n: 1 } },
      });
      return message?.id as string;
    },
    async member(id = `m-${randomUUID()}`) {
      await tenant.addMember(id);
      return id;
    },
    async apiKey() {
      const access = createClient(AccessService, transport);
      const { apiKey } = await access.createApiKey({ apiKey: { displayName: "k", scopes: [ApiKeyScope.READ] } });
      return apiKey?.id as string;
    },
    async newTenant() {
      const { tenant: made } = await tenants.createTenant({ tenant: { slug: slug(), displayName: "New" } });
      return made?.id as string;
    },
    agent,
    async file() {
      const { file } = await createClient(FileService, transport).createFile(
        (async function* () {
          yield { name: "Grüße.txt", body: { data: new TextEncoder().encode("Grüße") } };
        })(),
      );
      const fileId = file?.id as string;
      const conversationId = await conversation();
      const parts = [{ content: { case: "file", value: { source: { case: "fileId", value: fileId } } } } as const];
      const { message } = await messages.sendMessage({ conversationId, message: { parts } });
      return { fileId, messageId: message?.id as string, conversationId };
    },
    async deleteEndpoints() {
      const { endpoints } = await hooks.listWebhookEndpoints({ pageSize: 200 });
      for (const { id } of endpoints) await hooks.deleteWebhookEndpoint({ endpointId: id });
    },
    async endpoint() {
      const { endpoint } = await hooks.createWebhookEndpoint({
        endpoint: { target: { case: "url", value: "http://hooks.invalid/" } },
      });
      return endpoint?.id as string;
    },
    async retentionPolicy() {
      const retentionPolicy = { displayName: "Policy", action: RetentionAction.KEEP };
      return (await retention.createRetentionPolicy({ retentionPolicy })).retentionPolicy?.id as string;
    },
    async legalHold() {
      const scope = { case: "memberId" as const, value: "cy" };
      const made = await holds.createLegalHold({ legalHold: { displayName: "Matter", reason: "A suit", scope } });
      return made.legalHold?.id as string;
    },
    async job() {
      const memberId = `m-${randomUUID()}`;
      await tenant.addMember(memberId);
      const { job } = await createClient(ErasureService, transport).eraseMember({ memberId });
      await createClient(JobService, transport).cancelJob({ jobId: job?.id as string });
      // It may have begun before.
      const text =
        "update job set looked = 0, held = 0, counts = '{}', round = 1, place = null where tenant_id = $1 and id = $2::uuid";
      await server.database.query({ name: "test_fresh_job", text }, [tenant.id, job?.id]);
      return job?.id as string;
    },
    turn,
    async waitingTurn() {
      const id = await turn();
      const pending = [{ callId: "c1", name: "look", entryId: randomUUID(), place: "client", needs: "result" }];
      const text = `update turn set state = 6, end_time = null, finish_reason = 0, pending = $3,
        lease_time = now() + interval '10 minutes' where tenant_id = $1 and id = $2::uuid`;
      await server.database.query({ name: "test_wait", text }, [tenant.id, id, JSON.stringify(pending)]);
      return id;
    },
    deleteConversation: async (id) => void (await conversations.deleteConversation({ conversationId: id })),
    deleteMessage: async (id) => void (await messages.deleteMessage({ messageId: id })),
    closeConversation: async (id) =>
      void (await conversations.updateConversation({ conversationId: id, conversation: { status: 3 } })),
  };
}

const slug = () => `s-${randomUUID()}`;
const METADATA = { text: "ü\u2028", list: [1, [2, { three: 3.5 }]], none: null, yes: true, "": {} };
const MESSAGE = { role: "MESSAGE_ROLE_ASSISTANT", content: 'Hello\n\t"you" \\ 👩‍👩‍👧', metadata: METADATA };

/** The id of a conversation with two messages, as most requests want it. */
const talk = async (world: World) => ({ conversationId: await world.conversation({ messages: 2 }) });
const sent = async (world: World) => ({ messageId: await world.message() });

const reactionsOf = (world: World) => createClient(ReactionService, world.transport);
const reacted = async (world: World, reaction: string) => {
  const asked = { ...(await sent(world)), reaction };
  await reactionsOf(world).addReaction(asked);
  return asked;
};

const draftsOf = (world: World) => createClient(DraftService, world.transport);
const drafted = async (world: World) => {
  const asked = await talk(world);
  await draftsOf(world).setDraft({ ...asked, message: { content: "not yet" } });
  return [asked];
};
const later = () => ({
  message: MESSAGE,
  sendTime: `${new Date(Date.now() + 7_200_000).toISOString().slice(0, 13)}:00:00Z`,
});
const scheduled = async (world: World) => {
  const { conversationId } = await talk(world);
  const sendTime = timestampFromMs(Date.now() + 3_600_000);
  const wish = { conversationId, scheduledMessage: { message: { content: "later" }, sendTime } };
  const { scheduledMessage } = await draftsOf(world).scheduleMessage(wish);
  return { conversationId, scheduledMessageId: scheduledMessage?.id ?? "" };
};

const CONVERSATIONS: readonly WireCase[] = [
  {
    rpc: "ConversationService.CreateConversation",
    requests: () => [
      {
        conversation: { title: "Größe 🙂", callType: "CALL_TYPE_INBOUND", pinned: true, metadata: METADATA, mode: "m" },
        participantIds: ["bob", "cy"],
        messages: [MESSAGE, { content: "second", clientTime: "2026-01-02T03:04:05.678900Z" }],
      },
    ],
  },
  { rpc: "ConversationService.CreateConversation", name: "of nothing", requests: () => [{}] },
  {
    rpc: "ConversationService.CreateConversation",
    name: "with an unknown participant",
    requests: () => [{ participantIds: ["nobody"] }],
    fails: "UNKNOWN_REFERENCE",
  },
  { rpc: "ConversationService.GetConversation", requests: async (world) => [await talk(world)] },
  {
    rpc: "ConversationService.GetConversation",
    name: "that is deleted, when asked for",
    async requests(world) {
      const { conversationId } = await talk(world);
      await world.deleteConversation(conversationId);
      return [{ conversationId, deleted: "DELETED_FILTER_ONLY" }];
    },
  },
  {
    rpc: "ConversationService.BatchGetConversations",
    requests: async (world) => [
      { conversationIds: [await world.conversation(), randomUUID(), await world.conversation({ messages: 3 })] },
    ],
  },
  {
    rpc: "ConversationService.ListConversations",
    async requests(world) {
      for (let i = 0; i < 3; i++) await world.conversation({ messages: i });
      return [{ pageSize: 2, includeTotalSize: true, order: "CONVERSATION_ORDER_OLDEST_FIRST", pinned: false }];
    },
    toldAnew: "nextPageToken",
  },
  {
    rpc: "ConversationService.UpdateConversation",
    requests: async (world) => [
      {
        ...(await talk(world)),
        conversation: { title: "New", pinned: false, metadata: METADATA },
        updateMask: "title,pinned,metadata",
      },
    ],
  },
  {
    rpc: "ConversationService.UpdateConversation",
    name: "with a field that the mask cannot name",
    requests: async (world) => [{ ...(await talk(world)), conversation: { title: "New" }, updateMask: "nothing" }],
    fails: "INVALID_FIELD",
  },
  { rpc: "ConversationService.DeleteConversation", requests: async (world) => [await talk(world)] },
  {
    rpc: "ConversationService.RestoreConversation",
    async requests(world) {
      const asked = await talk(world);
      await world.deleteConversation(asked.conversationId);
      return [asked];
    },
  },
  {
    rpc: "ConversationService.RestoreConversation",
    name: "that is not deleted",
    requests: async (world) => [await talk(world)],
    fails: "NOT_DELETED",
  },
  { rpc: "ConversationService.PurgeConversation", requests: async (world) => [await talk(world)] },
  {
    rpc: "ConversationService.AssignConversationNumbers",
    async requests() {
      // Nothing gets a number here: numbers are counted in the tenant, so they would differ from call to call.
      return [{ conversationIds: [randomUUID()] }];
    },
  },
  {
    rpc: "ParticipantService.AddParticipants",
    requests: async (world) => [{ ...(await talk(world)), memberIds: ["cy", "bob"] }],
  },
  {
    rpc: "ParticipantService.RemoveParticipant",
    requests: async (world) => [{ ...(await talk(world)), memberId: "bob" }],
  },
  { rpc: "ConversationService.ForkConversation", requests: async (world) => [{ ...(await talk(world)), seq: "2" }] },
  { rpc: "ParticipantService.ListParticipants", requests: async (world) => [{ ...(await talk(world)), pageSize: 1 }] },
  {
    rpc: "ParticipantService.SetMemberView",
    requests: async (world) => [
      {
        ...(await talk(world)),
        pinned: true,
        mutedUntil: "2999-01-01T00:00:00Z",
        notificationLevel: "NOTIFICATION_LEVEL_MENTIONS",
        metadata: { color: "red" },
      },
    ],
  },
  { rpc: "ParticipantService.ListReadMarks", requests: async (world) => [{ ...(await talk(world)), pageSize: 1 }] },
  { rpc: "ParticipantService.MarkRead", requests: async (world) => [{ ...(await talk(world)), readSeq: "1" }] },
  { rpc: "ReactionService.AddReaction", requests: async (world) => [{ ...(await sent(world)), reaction: "👩🏽‍🚀" }] },
  { rpc: "ReactionService.RemoveReaction", requests: async (world) => [await reacted(world, ":ship-it:")] },
  {
    rpc: "ReactionService.ListReactions",
    async requests(world) {
      const asked = await reacted(world, "👍");
      await reactionsOf(world).addReaction({ ...asked, reaction: "🎉" });
      return [{ messageId: asked.messageId, pageSize: 1 }];
    },
  },
  {
    rpc: "FileService.CreateFile",
    requests: () => [
      { name: "Grüße.txt", body: { contentType: "text/markdown", data: Buffer.from("# Gr").toString("base64") } },
      { name: "Grüße.txt", body: { contentType: "text/markdown", data: Buffer.from("üße").toString("base64") } },
    ],
  },
  {
    rpc: "FileService.CreateFile",
    name: "with a path for a name",
    requests: () => [{ name: "../x", body: { data: "eA==" } }],
    fails: "INVALID_FIELD",
  },
  { rpc: "FileService.GetFile", requests: async (world) => [{ fileId: (await world.file()).fileId }] },
  {
    rpc: "FileService.ListFiles",
    requests: async (world) => [{ conversationId: (await world.file()).conversationId }],
  },
  { rpc: "FileService.ListMessageFiles", requests: async (world) => [{ messageId: (await world.file()).messageId }] },
  { rpc: "FileService.DownloadFile", requests: async (world) => [{ fileId: (await world.file()).fileId }] },
  {
    rpc: "FileService.DownloadFile",
    name: "from within",
    requests: async (world) => [{ fileId: (await world.file()).fileId, offset: "2", length: "3" }],
  },
  { rpc: "FileService.DeleteFile", requests: async (world) => [{ fileId: (await world.file()).fileId }] },
  {
    rpc: "SignalService.SendSignal",
    requests: async (world) => [{ ...(await talk(world)), name: "typing", data: METADATA }],
  },
  { rpc: "PresenceService.BatchGetPresence", requests: () => [{ memberIds: ["nobody", "someone"] }] },
  { rpc: "PresenceService.BatchGetPresence", name: "of nobody", requests: () => [{}], fails: "INVALID_FIELD" },
  { rpc: "PresenceService.SetPresence", requests: () => [{ mode: "PRESENCE_MODE_AWAY" }] },
  { rpc: "DraftService.SetDraft", requests: async (world) => [{ ...(await talk(world)), message: MESSAGE }] },
  { rpc: "DraftService.GetDraft", requests: drafted },
  { rpc: "DraftService.GetDraft", name: "of none", requests: async (world) => [await talk(world)], fails: "NOT_FOUND" },
  {
    rpc: "DraftService.ListDrafts",
    requests: async (world) => [(await drafted(world)) && { pageSize: 1 }],
    toldAnew: "nextPageToken",
  },
  { rpc: "DraftService.ListDrafts", name: "of one conversation", requests: drafted },
  { rpc: "DraftService.ListDrafts", name: "of none", requests: async (world) => [await talk(world)] },
  { rpc: "DraftService.DeleteDraft", requests: drafted },
  {
    rpc: "DraftService.ScheduleMessage",
    requests: async (world) => [{ ...(await talk(world)), scheduledMessage: later() }],
  },
  {
    rpc: "DraftService.ScheduleMessage",
    name: "for a time that has passed",
    requests: async (world) => [
      { ...(await talk(world)), scheduledMessage: { message: MESSAGE, sendTime: "2020-01-01T00:00:00Z" } },
    ],
    fails: "INVALID_FIELD",
  },
  {
    rpc: "DraftService.GetScheduledMessage",
    requests: async (world) => [{ scheduledMessageId: (await scheduled(world)).scheduledMessageId }],
  },
  {
    rpc: "DraftService.ListScheduledMessages",
    requests: async (world) => [{ conversationId: (await scheduled(world)).conversationId }],
  },
  {
    rpc: "DraftService.CancelScheduledMessage",
    requests: async (world) => [{ scheduledMessageId: (await scheduled(world)).scheduledMessageId }],
  },
  { rpc: "EventService.ListEvents", requests: async (world) => [{ ...(await talk(world)), afterSeq: "1" }] },
];

const MESSAGES: readonly WireCase[] = [
  { rpc: "MessageService.SendMessage", requests: async (world) => [{ ...(await talk(world)), message: MESSAGE }] },
  {
    rpc: "MessageService.SendMessage",
    name: "with nothing in it",
    requests: async (world) => [{ ...(await talk(world)), message: {} }],
  },
  {
    rpc: "MessageService.SendMessage",
    name: "to a closed conversation",
    async requests(world) {
      const asked = await talk(world);
      await world.closeConversation(asked.conversationId);
      return [{ ...asked, message: { content: "late" } }];
    },
    fails: "CONVERSATION_CLOSED",
  },
  {
    rpc: "MessageService.SendMessage",
    name: "with a client id",
    requests: async (world) => [{ ...(await talk(world)), message: { ...MESSAGE, clientId: "ü 1" } }],
  },
  {
    rpc: "MessageService.SendMessage",
    name: "with a parent",
    async requests(world) {
      const asked = await talk(world);
      return [{ ...asked, message: { ...MESSAGE, parentId: asked.conversationId } }];
    },
  },
  {
    rpc: "MessageService.SelectBranch",
    async requests(world) {
      const asked = await talk(world);
      const { messages } = await messagesOf(world).listMessages(asked);
      const messageId = messages[1]?.id ?? "";
      await messagesOf(world).sendMessage({ ...asked, message: { content: "b", parentId: messages[0]?.id ?? "" } });
      return [{ ...asked, messageId }];
    },
  },
  {
    rpc: "MessageService.SendMessage",
    name: "in reply, with mentions",
    async requests(world) {
      const asked = await talk(world);
      const { messages } = await messagesOf(world).listMessages(asked);
      return [{ ...asked, message: { ...MESSAGE, replyTo: messages[0]?.id ?? "", mentions: ["bob", "@all"] } }];
    },
  },
  {
    rpc: "MessageService.ListReplies",
    async requests(world) {
      const asked = await talk(world);
      const { messages } = await messagesOf(world).listMessages(asked);
      const replyTo = messages[0]?.id ?? "";
      const replies = [
        { content: "b", replyTo },
        { content: "c", replyTo },
      ];
      await messagesOf(world).batchSendMessages({ ...asked, messages: replies });
      return [{ messageId: replyTo, pageSize: 1 }];
    },
  },
  {
    rpc: "MessageService.ListMentions",
    async requests(world) {
      const asked = await talk(world);
      const bob = createClient(MessageService, transportOver("Connect proto", world.server.url, world.key));
      await bob.sendMessage({ ...asked, message: { content: "b", mentions: ["ada"] } });
      return [asked];
    },
  },
  {
    rpc: "MessageService.ListBranches",
    async requests(world) {
      const asked = await talk(world);
      await messagesOf(world).sendMessage({ ...asked, message: { content: "b", parentId: asked.conversationId } });
      return [{ ...asked, pageSize: 1 }];
    },
  },
  {
    rpc: "MessageService.BatchSendMessages",
    requests: async (world) => [{ ...(await talk(world)), messages: [MESSAGE, { content: "b" }, { content: "c" }] }],
  },
  { rpc: "MessageService.GetMessage", requests: async (world) => [await sent(world)] },
  {
    rpc: "MessageService.ListMessages",
    requests: async (world) => [
      { ...(await talk(world)), pageSize: 1, order: "MESSAGE_ORDER_NEWEST_FIRST", includeTotalSize: true },
    ],
  },
  {
    rpc: "MessageService.BatchListMessages",
    requests: async (world) => [
      {
        conversationIds: [await world.conversation({ messages: 3 }), randomUUID(), await world.conversation()],
        latest: 2,
      },
    ],
  },
  {
    rpc: "MessageService.SearchMessages",
    async requests(world) {
      await world.message("a zebra crosses");
      await world.message("two zebras meet a zebra");
      const filters = { startTime: "2020-01-02T03:04:05Z", status: "CONVERSATION_STATUS_ACTIVE", metadata: { a: "b" } };
      return [
        { query: "zebra", pageSize: 5 },
        { query: "zebra", ownerId: "nobody", pinned: false, ...filters },
      ];
    },
  },
  {
    rpc: "MessageService.UpdateMessage",
    requests: async (world) => [{ ...(await sent(world)), message: { content: "edited", metadata: METADATA } }],
  },
  { rpc: "MessageService.DeleteMessage", requests: async (world) => [await sent(world)] },
  {
    rpc: "MessageService.RestoreMessage",
    async requests(world) {
      const asked = await sent(world);
      await world.deleteMessage(asked.messageId);
      return [asked];
    },
  },
  { rpc: "MessageService.DeleteAllMessages", requests: async (world) => [await talk(world)] },
  {
    rpc: "MessageService.RestoreAllMessages",
    async requests(world) {
      const asked = await talk(world);
      await messagesOf(world).deleteAllMessages(asked);
      return [asked];
    },
  },
  {
    rpc: "MessageService.ListMessages",
    name: "that are deleted",
    async requests(world) {
      const asked = await talk(world);
      await messagesOf(world).deleteAllMessages(asked);
      return [{ ...asked, deleted: "DELETED_FILTER_ONLY", includeTotalSize: true }];
    },
  },
  {
    rpc: "MessageService.ListMessageRevisions",
    async requests(world) {
      const asked = await sent(world);
      await messagesOf(world).updateMessage({ ...asked, message: { content: "edited" } });
      return [asked];
    },
  },
  {
    rpc: "MessageService.ReplaceMessages",
    requests: async (world) => [
      { ...(await talk(world)), messages: [{ content: "message 1 of 2", role: "MESSAGE_ROLE_USER" }, MESSAGE] },
    ],
  },
];

const AGENTS: readonly WireCase[] = [
  {
    rpc: "AgentService.CreateAgent",
    requests: () => [
      {
        agent: {
          name: `a-${randomUUID()}`,
          description: "Größe",
          openai: { baseUrl: "https://models.example.com/v1", model: "m", parameters: METADATA },
          credential: "secret",
          timeout: "12.500s",
          metadata: METADATA,
        },
      },
    ],
  },
  { rpc: "AgentService.GetAgent", requests: async (world) => [{ agentId: (await world.agent()).agentId }] },
  {
    rpc: "AgentService.ListAgents",
    async requests(world) {
      await world.agent();
      await world.agent();
      return [{ pageSize: 1 }];
    },
    toldAnew: "nextPageToken",
  },
  {
    rpc: "AgentService.UpdateAgent",
    requests: async (world) => [
      {
        agentId: (await world.agent()).agentId,
        agent: { description: "New", disabled: true },
        updateMask: "description,disabled",
      },
    ],
  },
  { rpc: "AgentService.DeleteAgent", requests: async (world) => [{ agentId: (await world.agent()).agentId }] },
  {
    rpc: "WebhookService.CreateWebhookEndpoint",
    toldOnce: "secret",
    requests: () => [
      {
        endpoint: {
          description: "Größe",
          url: "https://hooks.example.com/in?a=b",
          headers: { "X-Key": "k" },
          eventTypes: ["message.sent"],
          filter: { mode: "vip" },
          order: "WEBHOOK_ORDER_NONE",
          batchSize: 10,
          timeout: "5s",
        },
        start: { beginning: true },
      },
    ],
  },
  { rpc: "WebhookService.GetWebhookEndpoint", requests: async (world) => [{ endpointId: await world.endpoint() }] },
  {
    rpc: "WebhookService.ListWebhookEndpoints",
    async requests(world) {
      await world.deleteEndpoints();
      await world.endpoint();
      return [{ pageSize: 1 }];
    },
  },
  {
    rpc: "WebhookService.UpdateWebhookEndpoint",
    requests: async (world) => [
      { endpointId: await world.endpoint(), endpoint: { description: "New" }, updateMask: "description" },
    ],
  },
  { rpc: "WebhookService.DeleteWebhookEndpoint", requests: async (world) => [{ endpointId: await world.endpoint() }] },
  { rpc: "WebhookService.PauseWebhookEndpoint", requests: async (world) => [{ endpointId: await world.endpoint() }] },
  { rpc: "WebhookService.ResumeWebhookEndpoint", requests: async (world) => [{ endpointId: await world.endpoint() }] },
  {
    rpc: "WebhookService.RotateWebhookSecret",
    toldOnce: "secret",
    requests: async (world) => [{ endpointId: await world.endpoint(), overlap: "60s" }],
  },
  { rpc: "WebhookService.TestWebhookEndpoint", requests: async (world) => [{ endpointId: await world.endpoint() }] },
  {
    rpc: "WebhookService.ReplayWebhookEndpoint",
    requests: async (world) => [{ endpointId: await world.endpoint(), from: { beginning: true } }],
  },
  { rpc: "WebhookService.ListWebhookDeliveries", requests: async (world) => [{ endpointId: await world.endpoint() }] },
  {
    rpc: "LegalHoldService.CreateLegalHold",
    requests: () => [
      {
        legalHold: {
          displayName: "Größe",
          reason: "A suit",
          match: { entityType: "none", labels: { matter: "blue" }, ownerRole: "MEMBER_ROLE_LEAD" },
        },
      },
    ],
  },
  { rpc: "LegalHoldService.GetLegalHold", requests: async (world) => [{ legalHoldId: await world.legalHold() }] },
  {
    rpc: "LegalHoldService.ListLegalHolds",
    async requests(world) {
      await world.legalHold();
      return [{ pageSize: 1 }];
    },
    toldAnew: "nextPageToken",
  },
  {
    rpc: "LegalHoldService.LiftLegalHold",
    requests: async (world) => [{ legalHoldId: await world.legalHold(), reason: "Über" }],
  },
  {
    rpc: "ErasureService.PreviewErasure",
    requests: async (world) => [{ memberId: await world.member() }],
  },
  {
    rpc: "ErasureService.EraseMember",
    requests: async (world) => [{ memberId: await world.member() }],
  },
  { rpc: "JobService.GetJob", requests: async (world) => [{ jobId: await world.job() }] },
  {
    rpc: "JobService.ListJobs",
    async requests(world) {
      await world.job();
      return [{ pageSize: 1 }];
    },
    toldAnew: "nextPageToken",
  },
  { rpc: "JobService.CancelJob", requests: async (world) => [{ jobId: await world.job() }] },
  {
    rpc: "RetentionService.CreateRetentionPolicy",
    requests: () => [{ retentionPolicy: { ...POLICY, nextRunTime: "2100-01-01T00:00:00Z" } }],
  },
  { rpc: "RetentionService.PreviewRetentionPolicy", requests: () => [{ retentionPolicy: POLICY }] },
  {
    rpc: "RetentionService.GetRetentionPolicy",
    requests: async (world) => [{ retentionPolicyId: await world.retentionPolicy() }],
  },
  {
    rpc: "RetentionService.ListRetentionPolicies",
    async requests(world) {
      await world.retentionPolicy();
      return [{ pageSize: 1 }];
    },
    toldAnew: "nextPageToken",
  },
  {
    rpc: "RetentionService.DeleteRetentionPolicy",
    requests: async (world) => [{ retentionPolicyId: await world.retentionPolicy() }],
  },
  { rpc: "RetentionService.ListRetentionRuns", requests: () => [{ pageSize: 1 }] },
  {
    rpc: "EventService.Subscribe",
    requests: async (world) => [{ conversationId: await world.conversation({ messages: 2 }) }],
    take: 3,
  },
  {
    rpc: "TransferService.ExportConversations",
    requests: async (world) => [{ conversationId: await world.conversation({ messages: 2 }) }],
  },
  {
    rpc: "TurnService.Chat",
    async requests(world) {
      const { name } = await world.agent();
      return [{ conversationId: await world.conversation({ agent: name }), message: { content: "Grüße" } }];
    },
  },
  {
    rpc: "TurnService.Chat",
    name: "where no agent is",
    requests: async (world) => [{ ...(await talk(world)), message: { content: "Hello?" } }],
    fails: "UNKNOWN_REFERENCE",
  },
  {
    rpc: "TurnService.Regenerate",
    async requests(world) {
      const { name } = await world.agent();
      return [{ conversationId: await world.conversation({ agent: name, messages: 2, said: "Grüße" }) }];
    },
  },
  {
    rpc: "TurnService.Regenerate",
    name: "where no agent is",
    requests: async (world) => [await talk(world)],
    fails: "UNKNOWN_REFERENCE",
  },
  { rpc: "TurnService.ResumeTurn", requests: async (world) => [{ turnId: await world.turn() }] },
  {
    rpc: "TurnService.ResumeTurn",
    name: "from within",
    requests: async (world) => [{ turnId: await world.turn(), offset: "2" }],
  },
  {
    rpc: "TurnService.ResumeTurn",
    name: "with its entries",
    requests: async (world) => [{ turnId: await world.turn(), streamEntries: true }],
  },
  { rpc: "TurnService.GetTurn", requests: async (world) => [{ turnId: await world.turn() }] },
  { rpc: "TurnService.ListTurns", requests: async (world) => [{ conversationId: await world.conversation() }] },
  {
    rpc: "TurnService.AnswerTurn",
    requests: async (world) => [{ turnId: await world.waitingTurn(), results: [{ callId: "c1", text: "a cat" }] }],
  },
  {
    rpc: "TurnService.CreateTurn",
    requests: async (world) => [
      {
        conversationId: await world.conversation(),
        messages: [{ content: "hello" }],
        agent: (await world.agent()).name,
      },
    ],
  },
  { rpc: "TurnService.ListTurnEntries", requests: async (world) => [{ turnId: await world.turn() }] },
  { rpc: "TurnService.DeleteTurn", requests: async (world) => [{ turnId: await world.turn() }] },
  { rpc: "TurnService.CancelTurn", requests: async (world) => [{ turnId: await world.turn() }] },
];

const IDENTITY: readonly WireCase[] = [
  { rpc: "AccessService.WhoAmI", requests: () => [{}] },
  { rpc: "AccessService.WhoAmI", name: "as a super administrator", as: "root", requests: () => [{}] },
  {
    rpc: "AccessService.CreateApiKey",
    toldOnce: "text",
    requests: () => [
      { apiKey: { displayName: "k", scopes: ["API_KEY_SCOPE_READ"], expireTime: "2999-01-01T00:00:00Z" } },
    ],
  },
  {
    rpc: "AccessService.CreateClientToken",
    as: "key",
    toldAnew: "token",
    requests: () => [{ memberId: "bob", ttl: "60s" }],
  },
  {
    rpc: "AccessService.ListApiKeys",
    async requests(world) {
      await world.apiKey();
      return [{ pageSize: 1, showRevoked: true }];
    },
  },
  {
    rpc: "AccessService.RotateApiKey",
    toldOnce: "text",
    requests: async (world) => [{ apiKeyId: await world.apiKey(), overlap: "3600s" }],
  },
  { rpc: "AccessService.RevokeApiKey", requests: async (world) => [{ apiKeyId: await world.apiKey() }] },
  {
    rpc: "AuditService.ListAuditEntries",
    async requests(world) {
      await world.apiKey();
      // Seals the entries, so that no wire sees them before and another after.
      const transport = transportOver("Connect proto", world.server.url, world.admin);
      await createClient(AuditService, transport).verifyAudit({});
      return [{ pageSize: 2, startTime: "2020-01-01T00:00:00Z" }];
    },
  },
  {
    rpc: "AuditService.VerifyAudit",
    async requests(world) {
      await world.apiKey();
      return [{}];
    },
  },
  { rpc: "AuditService.ExportAuditEntries", requests: () => [{ afterSequence: "0" }] },
  {
    rpc: "DirectoryService.UpsertMember",
    requests: () => [
      {
        memberId: `auth0|${randomUUID()}/ü?`,
        member: { displayName: "Dörte", role: "MEMBER_ROLE_LEAD", managerId: "bob" },
      },
    ],
  },
  { rpc: "DirectoryService.GetMember", requests: () => [{ memberId: "cy" }] },
  { rpc: "DirectoryService.ListMembers", requests: () => [{ pageSize: 2 }] },
  {
    rpc: "TransferService.ExportMember",
    requests: async (world) => [{ memberId: await world.member() }],
    // It says when it was made.
    toldAnew: "body",
  },
  { rpc: "DirectoryService.DeleteMember", requests: async (world) => [{ memberId: await world.member() }] },
  {
    rpc: "DirectoryService.SetMemberRole",
    requests: async (world) => [{ memberId: await world.member(), role: "MEMBER_ROLE_MANAGER" }],
  },
  {
    rpc: "DirectoryService.SetMemberManager",
    requests: async (world) => [{ memberId: await world.member(), managerId: "bob" }],
  },
  {
    rpc: "DirectoryService.SetMemberManager",
    name: "below itself",
    requests: () => [{ memberId: "bob", managerId: "cy" }],
    fails: "CONFLICT",
  },
  {
    rpc: "TenantService.CreateTenant",
    as: "root",
    requests: () => [{ tenant: { slug: slug(), displayName: "Ünited" } }],
  },
  {
    rpc: "TenantService.CreateTenant",
    name: "whose slug is taken",
    as: "root",
    requests: (world) => [{ tenant: { slug: world.tenant.slug } }],
    fails: "ALREADY_EXISTS",
  },
  { rpc: "TenantService.GetTenant", as: "root", requests: async (world) => [{ tenantId: await world.newTenant() }] },
  { rpc: "TenantService.ListTenants", as: "root", requests: () => [{ pageSize: 1 }] },
  {
    rpc: "TenantService.UpdateTenant",
    as: "root",
    requests: async (world) => [{ tenantId: await world.newTenant(), tenant: { displayName: "Renamed" } }],
  },
  {
    rpc: "AnalyticsService.GetConversationAnalytics",
    requests: async (world) => [await talk(world)],
  },
  { rpc: "AnalyticsService.GetTenantAnalytics", requests: () => [{ dayCount: 3 }] },
];

export const WIRE_CASES: readonly WireCase[] = [...CONVERSATIONS, ...MESSAGES, ...AGENTS, ...IDENTITY];

function messagesOf({ server, admin }: World) {
  return createClient(MessageService, transportOver("Connect proto", server.url, admin));
}
