// Who may do what, call by call: each RPC as each kind of caller, in a conversation that was made for the one call.
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ApiKeyScope } from "../../gen/colloquy/v1/api_key_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { FileService } from "../../gen/colloquy/v1/file_service_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { PresenceMode } from "../../gen/colloquy/v1/presence_pb.ts";
import { RetentionAction } from "../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../gen/colloquy/v1/retention_service_pb.ts";
import { TurnService } from "../../gen/colloquy/v1/turn_service_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { ruleName } from "../../src/domain/identity/permissions.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { member } from "../support/actors.ts";
import { look, reasonOf } from "../support/errors.ts";
import { ownServices } from "../support/servers/contract.ts";
import {
  type Credential,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
} from "../support/servers/identity-server.ts";

/** Made anew for each call that changes something. */
interface Scene {
  readonly conversationId: string;
  readonly deletedConversationId: string;
  /** Sent by a participant who is none of the callers, and edited once. */
  readonly messageId: string;
  /** Sent by the caller `participant`. */
  readonly ownMessageId: string;
  readonly deletedMessageId: string;
  readonly entityId: string;
  readonly word: string;
  /** A member without a part in anything. */
  readonly memberId: string;
  /** A member that no legal hold keeps. */
  readonly freeMemberId: string;
  readonly jobId: string;
  readonly keyId: string;
  /** Named by a message of `third`, who uploaded it. */
  readonly fileId: string;
  /** An agent of its own, which answers in the conversation. */
  readonly agentId: string;
  readonly legalHoldId: string;
  readonly retentionPolicyId: string;
  readonly endpointId: string;
  /** A turn of it that has ended. */
  readonly turnId: string;
  readonly tenantId: string;
}

/**
 * The callers. The conversation is the owner's, who takes no part in it; the manager is above the owner; each key has
 * one scope.
 */
const CALLERS = ["stranger", "participant", "owner", "manager", "admin", "key read", "key write", "key admin"] as const;

type Row = readonly [ask: (scene: Scene) => object, outcomes: string];

const conversation = ({ conversationId }: Scene) => ({ conversationId });
const inConversation = (more: object) => (scene: Scene) => ({ ...conversation(scene), ...more });
const message = ({ messageId }: Scene) => ({ messageId });
const filePart = (fileId: string) => ({
  content: { case: "file", value: { source: { case: "fileId", value: fileId } } },
});
const say = { role: MessageRole.USER, content: "hello" };

// Of each caller: ok · -- an empty list · nf NOT_FOUND · pd PERMISSION_DENIED · sm SCOPE_MISSING.
const READ_ONE = "nf ok ok ok ok ok sm sm";
const READ_LIST = "-- ok ok ok ok ok sm sm";
const WRITE = "nf ok ok pd ok sm ok sm";
const MANAGE = "nf pd ok pd ok sm ok sm";
const ADMIN = "pd pd pd pd ok sm sm ok";
const HOOK = { case: "url", value: "http://hooks.invalid/" } as const;
const holdOn = (memberId: string) => {
  const scope = { case: "memberId", value: memberId } as const;
  return { displayName: "Matter", reason: "A suit", scope };
};
const POLICY = { displayName: "Policy", action: RetentionAction.KEEP };
const SUPER = "pd pd pd pd pd pd pd pd";

const TABLE: Readonly<Record<string, Row>> = {
  "ConversationService/CreateConversation": [() => ({}), "ok ok ok ok ok sm ok sm"],
  "ConversationService/CreateConversation, for another": [
    ({ memberId }) => ({ conversation: { ownerId: memberId } }),
    "pd pd pd pd ok sm ok sm",
  ],
  "ConversationService/CreateConversation, for a subordinate": [
    () => ({ conversation: { ownerId: "owner" } }),
    "pd pd ok ok ok sm ok sm",
  ],
  "ConversationService/GetConversation": [conversation, READ_ONE],
  "ConversationService/GetConversation, deleted": [
    ({ deletedConversationId: conversationId }) => ({ conversationId, deleted: DeletedFilter.ONLY }),
    READ_ONE,
  ],
  "ConversationService/BatchGetConversations": [({ conversationId: id }) => ({ conversationIds: [id] }), READ_LIST],
  "ConversationService/ListConversations": [({ entityId }) => ({ entityType: "test", entityId }), READ_LIST],
  "ConversationService/ListConversations, of an owner": [
    ({ entityId }) => ({ entityType: "test", entityId, ownerId: "owner" }),
    READ_LIST,
  ],
  "ConversationService/ListConversations, of a participant": [
    ({ entityId }) => ({ entityType: "test", entityId, participantId: "third" }),
    READ_LIST,
  ],
  "ConversationService/UpdateConversation": [inConversation({ conversation: { title: "new" } }), WRITE],
  "ConversationService/UpdateConversation, with its messages": [inConversation({ messageList: {} }), MANAGE],
  "ConversationService/UpdateConversation, given away": [
    inConversation({ conversation: { ownerId: "participant" } }),
    "nf pd pd pd ok sm ok sm",
  ],
  "ConversationService/DeleteConversation": [conversation, MANAGE],
  "ConversationService/ForkConversation": [conversation, "nf ok ok ok ok sm ok sm"],
  "ConversationService/RestoreConversation": [({ deletedConversationId: id }) => ({ conversationId: id }), MANAGE],
  "ConversationService/PurgeConversation": [conversation, ADMIN],
  "ConversationService/AssignConversationNumbers": [
    ({ conversationId: id }) => ({ conversationIds: [id] }),
    "-- ok ok ok ok ok ok ok",
  ],
  "ParticipantService/AddParticipants": [inConversation({ memberIds: ["stranger"] }), MANAGE],
  "ParticipantService/RemoveParticipant": [inConversation({ memberId: "third" }), MANAGE],
  "ParticipantService/RemoveParticipant, itself": [
    inConversation({ memberId: "participant" }),
    "nf ok ok pd ok sm ok sm",
  ],
  "ParticipantService/ListParticipants": [conversation, READ_ONE],
  "ParticipantService/SetMemberView": [inConversation({ pinned: true }), "nf ok pd pd pd sm pd sm"],
  "ParticipantService/ListReadMarks": [conversation, "nf -- -- -- -- -- sm sm"],
  "ParticipantService/MarkRead": [conversation, "nf ok pd pd pd sm pd sm"],
  "ReactionService/AddReaction": [(scene) => ({ ...message(scene), reaction: "👍" }), WRITE],
  "ReactionService/RemoveReaction": [(scene) => ({ ...message(scene), reaction: "👍" }), WRITE],
  "ReactionService/ListReactions": [message, "nf -- -- -- -- -- sm sm"],
  "FileService/GetFile": [({ fileId }) => ({ fileId }), READ_ONE],
  "FileService/ListFiles": [() => ({}), "-- -- -- -- -- -- sm sm"],
  "FileService/ListFiles, of a conversation": [conversation, READ_ONE],
  "FileService/ListMessageFiles": [message, "nf -- -- -- -- -- sm sm"],
  "FileService/DownloadFile": [({ fileId }) => ({ fileId }), READ_ONE],
  "FileService/DeleteFile": [({ fileId }) => ({ fileId }), "nf pd pd pd ok sm ok sm"],
  "MessageService/SendMessage, with a file": [
    (scene) => inConversation({ message: { parts: [filePart(scene.fileId)] } })(scene),
    WRITE,
  ],
  "SignalService/SendSignal": [inConversation({ name: "typing" }), WRITE],
  "PresenceService/BatchGetPresence": [({ memberId }) => ({ memberIds: [memberId] }), "-- -- -- -- ok ok sm sm"],
  "PresenceService/SetPresence": [() => ({ mode: PresenceMode.AUTOMATIC }), "ok ok ok ok ok sm pd sm"],
  // None of the callers has one yet.
  "DraftService/ListDrafts": [() => ({}), "-- -- -- -- -- -- sm sm"],
  "DraftService/SetDraft": [inConversation({ message: say }), WRITE],
  "DraftService/GetDraft": [conversation, "nf nf nf nf nf nf sm sm"],
  "DraftService/DeleteDraft": [conversation, WRITE],
  "DraftService/ScheduleMessage": [
    inConversation({ scheduledMessage: { message: say, sendTime: timestampFromMs(Date.now() + 3_600_000) } }),
    WRITE,
  ],
  "DraftService/GetScheduledMessage": [() => ({ scheduledMessageId: newId() }), "nf nf nf nf nf nf sm sm"],
  "DraftService/ListScheduledMessages": [inConversation({}), "-- -- -- -- -- -- sm sm"],
  "DraftService/CancelScheduledMessage": [() => ({ scheduledMessageId: newId() }), "nf nf nf nf nf sm nf sm"],
  "EventService/ListEvents": [conversation, READ_ONE],
  "EventService/Subscribe": [conversation, READ_ONE],
  "TransferService/ExportConversations": [conversation, READ_ONE],

  "MessageService/SendMessage": [inConversation({ message: say }), WRITE],
  "MessageService/BatchSendMessages": [inConversation({ messages: [say] }), WRITE],
  "MessageService/GetMessage": [message, READ_ONE],
  "MessageService/ListMessages": [conversation, READ_ONE],
  "MessageService/BatchListMessages": [({ conversationId: id }) => ({ conversationIds: [id] }), READ_LIST],
  "MessageService/SearchMessages": [({ word }) => ({ query: word }), READ_LIST],
  "MessageService/UpdateMessage": [(scene) => ({ ...message(scene), message: { content: "new" } }), MANAGE],
  "MessageService/UpdateMessage, its own": [
    ({ ownMessageId }) => ({ messageId: ownMessageId, message: { content: "new" } }),
    "nf ok ok pd ok sm ok sm",
  ],
  "MessageService/DeleteMessage": [message, MANAGE],
  "MessageService/DeleteMessage, its own": [({ ownMessageId: id }) => ({ messageId: id }), "nf ok ok pd ok sm ok sm"],
  "MessageService/RestoreMessage": [({ deletedMessageId: id }) => ({ messageId: id }), MANAGE],
  "MessageService/DeleteAllMessages": [conversation, MANAGE],
  "MessageService/RestoreAllMessages": [({ conversationId, deletedMessageId: _ }) => ({ conversationId }), MANAGE],
  "MessageService/ListMessages, deleted": [inConversation({ deleted: DeletedFilter.ONLY }), READ_ONE],
  "MessageService/ListMessageRevisions": [message, READ_ONE],
  "MessageService/ListBranches": [conversation, READ_ONE],
  "MessageService/ListReplies": [message, "nf -- -- -- -- -- sm sm"],
  "MessageService/ListMentions": [() => ({}), "-- -- -- -- -- pd sm sm"],
  "MessageService/SendMessage, in reply": [
    ({ conversationId, messageId }) => ({ conversationId, message: { ...say, replyTo: messageId } }),
    WRITE,
  ],
  "MessageService/SendMessage, to @all": [inConversation({ message: { ...say, mentions: ["@all"] } }), MANAGE],
  "MessageService/SelectBranch": [(scene) => ({ ...conversation(scene), ...message(scene) }), WRITE],
  "MessageService/SendMessage, after another": [
    ({ conversationId, messageId }) => ({ conversationId, message: { ...say, parentId: messageId } }),
    WRITE,
  ],
  "MessageService/ReplaceMessages": [inConversation({ messages: [say] }), MANAGE],

  "TurnService/Chat": [inConversation({ message: say }), WRITE],
  "TurnService/Regenerate": [(scene) => ({ ...conversation(scene), ...message(scene) }), WRITE],
  "TurnService/GetTurn": [({ turnId }) => ({ turnId }), READ_ONE],
  "TurnService/ListTurns": [conversation, READ_ONE],
  "TurnService/CreateTurn": [inConversation({ messages: [say] }), WRITE],
  "TurnService/ListTurnEntries": [({ turnId }) => ({ turnId }), READ_ONE],
  "TurnService/AnswerTurn": [
    ({ turnId }) => ({ turnId, results: [{ callId: "c1", output: { case: "text", value: "x" } }] }),
    "nf NOT_AWAITED NOT_AWAITED pd NOT_AWAITED sm NOT_AWAITED sm",
  ],
  "TurnService/CancelTurn": [({ turnId }) => ({ turnId }), WRITE],
  "TurnService/ResumeTurn": [({ turnId }) => ({ turnId }), READ_ONE],
  "TurnService/DeleteTurn": [({ turnId }) => ({ turnId }), WRITE],

  "AgentService/CreateAgent": [
    () => ({ agent: { name: newId(), connector: { case: "echo", value: {} } } }),
    "pd pd pd pd ok sm sm ok",
  ],
  "AgentService/GetAgent": [({ agentId }) => ({ agentId }), "ok ok ok ok ok ok sm sm"],
  "AgentService/ListAgents": [() => ({}), "ok ok ok ok ok ok sm sm"],
  "AgentService/UpdateAgent": [({ agentId }) => ({ agentId, agent: { description: "new" } }), ADMIN],
  "AgentService/DeleteAgent": [({ agentId }) => ({ agentId }), ADMIN],

  "WebhookService/CreateWebhookEndpoint": [() => ({ endpoint: { target: HOOK } }), "pd pd pd pd ok sm sm ok"],
  "WebhookService/ListWebhookEndpoints": [() => ({}), ADMIN],
  "WebhookService/UpdateWebhookEndpoint": [
    ({ endpointId }) => ({ endpointId, endpoint: { description: "new" } }),
    ADMIN,
  ],
  "WebhookService/ReplayWebhookEndpoint": [
    ({ endpointId }) => ({ endpointId, from: { place: { case: "beginning", value: true } } }),
    ADMIN,
  ],
  "WebhookService/GetWebhookEndpoint": [({ endpointId }) => ({ endpointId }), ADMIN],
  "WebhookService/PauseWebhookEndpoint": [({ endpointId }) => ({ endpointId }), ADMIN],
  "WebhookService/ResumeWebhookEndpoint": [({ endpointId }) => ({ endpointId }), ADMIN],
  "WebhookService/RotateWebhookSecret": [({ endpointId }) => ({ endpointId }), ADMIN],
  "WebhookService/TestWebhookEndpoint": [({ endpointId }) => ({ endpointId }), ADMIN],
  "WebhookService/ListWebhookDeliveries": [({ endpointId }) => ({ endpointId }), ADMIN],
  "WebhookService/DeleteWebhookEndpoint": [({ endpointId }) => ({ endpointId }), ADMIN],

  "LegalHoldService/CreateLegalHold": [({ memberId }) => ({ legalHold: holdOn(memberId) }), ADMIN],
  "LegalHoldService/GetLegalHold": [({ legalHoldId }) => ({ legalHoldId }), ADMIN],
  "LegalHoldService/ListLegalHolds": [() => ({}), ADMIN],
  "LegalHoldService/LiftLegalHold": [({ legalHoldId }) => ({ legalHoldId, reason: "over" }), ADMIN],

  "RetentionService/CreateRetentionPolicy": [() => ({ retentionPolicy: POLICY }), ADMIN],
  "RetentionService/PreviewRetentionPolicy": [() => ({ retentionPolicy: POLICY }), ADMIN],
  "RetentionService/GetRetentionPolicy": [({ retentionPolicyId }) => ({ retentionPolicyId }), ADMIN],
  "RetentionService/ListRetentionPolicies": [() => ({}), ADMIN],
  "RetentionService/DeleteRetentionPolicy": [({ retentionPolicyId }) => ({ retentionPolicyId }), ADMIN],
  "RetentionService/ListRetentionRuns": [() => ({}), "pd pd pd pd -- sm sm --"],

  "ErasureService/PreviewErasure": [({ memberId }) => ({ memberId }), ADMIN],
  "ErasureService/EraseMember": [({ freeMemberId }) => ({ memberId: freeMemberId }), ADMIN],
  "TransferService/ExportMember": [({ memberId }) => ({ memberId }), ADMIN],
  "JobService/GetJob": [({ jobId }) => ({ jobId }), ADMIN],
  "JobService/ListJobs": [() => ({}), ADMIN],
  "JobService/CancelJob": [({ jobId }) => ({ jobId }), ADMIN],

  "DirectoryService/UpsertMember": [() => ({ memberId: newId() }), ADMIN],
  "DirectoryService/GetMember": [() => ({ memberId: "owner" }), "nf nf ok ok ok ok sm sm"],
  "DirectoryService/ListMembers": [() => ({ managerId: "manager" }), "-- -- ok ok ok ok sm sm"],
  "DirectoryService/DeleteMember": [({ memberId }) => ({ memberId }), ADMIN],
  "DirectoryService/SetMemberRole": [({ memberId }) => ({ memberId, role: 3 }), ADMIN],
  "DirectoryService/SetMemberManager": [({ memberId }) => ({ memberId, managerId: "manager" }), ADMIN],

  "AccessService/CreateApiKey": [() => ({ apiKey: { scopes: [ApiKeyScope.ADMIN] } }), ADMIN],
  "AccessService/CreateApiKey, with a scope that no key here has": [
    () => ({ apiKey: { scopes: [ApiKeyScope.READ, ApiKeyScope.WRITE, ApiKeyScope.ADMIN] } }),
    "pd pd pd pd ok sm sm sm",
  ],
  "AccessService/ListApiKeys": [() => ({}), ADMIN],
  "AccessService/RotateApiKey": [({ keyId }) => ({ apiKeyId: keyId }), ADMIN],
  "AccessService/RevokeApiKey": [({ keyId }) => ({ apiKeyId: keyId }), ADMIN],
  "AccessService/CreateClientToken": [({ memberId }) => ({ memberId }), "pd pd pd pd pd sm ok sm"],
  "AccessService/CreateClientToken, of one conversation": [
    ({ conversationId }) => ({ memberId: "participant", conversationId }),
    "pd pd pd pd pd sm ok sm",
  ],
  "AccessService/CreateClientToken, that only reads": [
    ({ memberId }) => ({ memberId, readOnly: true }),
    "pd pd pd pd pd sm sm sm",
  ],
  "AccessService/WhoAmI": [() => ({}), "ok ok ok ok ok ok ok ok"],

  "TenantService/CreateTenant": [() => ({ tenant: { slug: `t-${newId()}` } }), SUPER],
  "TenantService/GetTenant": [({ tenantId }) => ({ tenantId }), SUPER],
  "TenantService/ListTenants": [() => ({}), SUPER],
  "TenantService/UpdateTenant": [({ tenantId }) => ({ tenantId, tenant: { displayName: "new" } }), SUPER],

  "AnalyticsService/GetConversationAnalytics": [conversation, READ_ONE],
  "AnalyticsService/GetTenantAnalytics": [() => ({}), "pd pd pd pd ok ok sm sm"],

  "AuditService/ListAuditEntries": [() => ({}), ADMIN],
  "AuditService/ExportAuditEntries": [() => ({}), ADMIN],
  "AuditService/VerifyAudit": [() => ({}), ADMIN],
};

const methods = new Map(
  ownServices
    .flatMap((service) => service.methods)
    // Those that take a stream stand in tests of their own: test/services/transfer.test.ts.
    .filter(({ methodKind }) => methodKind !== "client_streaming")
    .map((method) => [ruleName(method).slice("colloquy.v1.".length), method] as const),
);

let server: IdentityServer;
let tenant: IdentityTenant;
let admin: Credential;
let callers: Record<(typeof CALLERS)[number], Credential>;
/** A participant who is none of the callers. */
let third: Credential;

beforeAll(async () => {
  server = await startIdentityServer();
  tenant = await server.tenant();
  admin = (await tenant.key("read", "write", "admin")).credential;
  await tenant.addMember("manager", { role: "manager" });
  await tenant.addMember("owner", { manager: "manager" });
  await tenant.addMember("admin", { role: "admin" });
  for (const id of ["stranger", "participant", "third"]) await tenant.addMember(id);
  third = await tenant.token("third");
  callers = {
    stranger: await tenant.token("stranger"),
    participant: await tenant.token("participant"),
    owner: await tenant.token("owner"),
    manager: await tenant.token("manager"),
    admin: await tenant.token("admin"),
    "key read": (await tenant.key("read")).credential,
    "key write": (await tenant.key("write")).credential,
    "key admin": (await tenant.key("admin")).credential,
  };
});
afterAll(() => server.close());

async function makeMember(): Promise<string> {
  const memberId = newId();
  await tenant.addMember(memberId);
  return memberId;
}

/** What a row names of its scene. */
function namedBy(ask: Row[0]): ReadonlySet<string> {
  const named = new Set<string>();
  const scene = new Proxy({} as Scene, {
    get(_, name) {
      named.add(String(name));
      return "";
    },
  });
  ask(scene);
  return named;
}

/** @param has which of the things beside the conversation and its messages are made; the ids of others are empty */
async function makeScene(has: (thing: keyof Scene) => boolean = () => false): Promise<Scene> {
  const entityId = newId();
  const word = entityId.replaceAll("-", "").replace(/\d/g, (digit) => String.fromCharCode(103 + Number(digit)));
  const conversations = server.client(ConversationService, admin);
  const agent = { name: newId(), connector: { case: "echo", value: {} } } as const;
  const agentId = (await server.client(AgentService, admin).createAgent({ agent })).agent?.id ?? "";
  const make = async () => {
    const { conversation: made } = await conversations.createConversation({
      conversation: { ownerId: "owner", agent: agentId, entityType: "test", entityId },
      participantIds: ["participant", "third"],
    });
    return made?.id ?? "";
  };
  const conversationId = await make();
  const sayAs = async (credential: Credential, content: string) => {
    const { sendMessage } = server.client(MessageService, credential);
    return (await sendMessage({ conversationId, message: { role: MessageRole.USER, content } })).message?.id ?? "";
  };
  const messages = server.client(MessageService, third);
  const messageId = await sayAs(third, "draft");
  await messages.updateMessage({ messageId, message: { content: word } });
  const things: Partial<Record<keyof Scene, () => Promise<string | undefined>>> = {
    async deletedConversationId() {
      const id = await make();
      await conversations.deleteConversation({ conversationId: id });
      return id;
    },
    async deletedMessageId() {
      const id = await sayAs(third, "gone");
      await messages.deleteMessage({ messageId: id });
      return id;
    },
    async fileId() {
      const upload = [{ name: "a.txt", body: { data: new TextEncoder().encode("hello") } }];
      const { file } = await server.client(FileService, third).createFile(
        (async function* () {
          yield* upload;
        })(),
      );
      const source = { case: "fileId" as const, value: file?.id ?? "" };
      const parts = [{ content: { case: "file" as const, value: { source } } }];
      await messages.sendMessage({ conversationId, message: { parts } });
      return file?.id;
    },
    async turnId() {
      let turnId = "";
      for await (const { event } of server.client(TurnService, third).chat({ conversationId, message: say })) {
        if (event.case === "started") turnId = event.value.turn?.id ?? "";
      }
      return turnId;
    },
    async endpointId() {
      const hooks = server.client(WebhookService, admin);
      return (await hooks.createWebhookEndpoint({ endpoint: { target: HOOK } })).endpoint?.id;
    },
    memberId: makeMember,
    freeMemberId: makeMember,
    async jobId() {
      const memberId = await makeMember();
      return (await server.client(ErasureService, admin).eraseMember({ memberId })).job?.id;
    },
    async legalHoldId() {
      const legalHold = holdOn(await makeMember());
      return (await server.client(LegalHoldService, admin).createLegalHold({ legalHold })).legalHold?.id;
    },
    async keyId() {
      const { createApiKey } = server.client(AccessService, admin);
      return (await createApiKey({ apiKey: { scopes: [ApiKeyScope.ADMIN] } })).apiKey?.id;
    },
    async retentionPolicyId() {
      const retention = server.client(RetentionService, admin);
      return (await retention.createRetentionPolicy({ retentionPolicy: POLICY })).retentionPolicy?.id;
    },
    ownMessageId: () => sayAs(callers.participant, "mine"),
  };
  const made: Record<string, string> = {};
  for (const [thing, makeThing] of Object.entries(things)) {
    made[thing] = has(thing as keyof Scene) ? ((await makeThing()) ?? "") : "";
  }
  return { ...made, conversationId, messageId, entityId, word, agentId, tenantId: tenant.id } as unknown as Scene;
}

const CODES: Readonly<Record<string, string>> = {
  NOT_FOUND: "nf",
  PERMISSION_DENIED: "pd",
  SCOPE_MISSING: "sm",
};

async function outcomeOf(method: DescMethod, request: object, credential: Credential): Promise<string> {
  const client = server.client(method.parent, credential) as unknown as Record<
    string,
    (request: object) => Promise<Record<string, unknown>> & AsyncIterable<unknown>
  >;
  try {
    if (method.methodKind === "server_streaming") {
      // What was let in says something; a subscription never ends by itself.
      for await (const _ of client[method.localName]?.(request) ?? []) return "ok";
    }
    const answer = await client[method.localName]?.(request);
    const list = method.output.fields.find(({ fieldKind }) => fieldKind === "list");
    const isEmpty = list !== undefined && (answer?.[list.localName] as unknown[] | undefined)?.length === 0;
    return isEmpty && /^(List|Search|Batch|Assign)/.test(method.name) ? "--" : "ok";
  } catch (error) {
    const { reason = "" } = look(error);
    return CODES[reason] ?? reason;
  }
}

test("every method of the contract has a row, and every row a method", () => {
  const named = new Set(Object.keys(TABLE).map((row) => row.split(",", 1)[0]));
  expect([...named].sort()).toEqual([...methods.keys()].sort());
});

async function attemptIn({ endpointId }: Pick<Scene, "endpointId">): Promise<void> {
  await server.client(WebhookService, admin).testWebhookEndpoint({ endpointId });
}

let everything: Promise<Scene> | undefined;
/** One scene with all there is for all calls that change nothing, also those that are to be refused. */
function sharedScene(): Promise<Scene> {
  everything ??= makeScene(() => true);
  return everything;
}

describe("each caller gets what the table says", () => {
  test.each(Object.entries(TABLE))("%s", async (name, [ask, outcomes]) => {
    const method = methods.get(name.split(",", 1)[0] ?? "");
    expect(method).toBeDefined();
    if (method === undefined) return;
    const changes = method.idempotency !== Level.NO_SIDE_EFFECTS;
    const named = namedBy(ask);
    // So that there is a delivery to list.
    if (name === "WebhookService/ListWebhookDeliveries") await attemptIn(await sharedScene());
    const expected = outcomes.split(" ");
    // What takes effect has a scene of its own, with what it names.
    const sceneOf = (place: number) =>
      changes && ask.length > 0 && expected[place] === "ok" ? makeScene((thing) => named.has(thing)) : sharedScene();
    const seen = await Promise.all(
      CALLERS.map(async (caller, place) => outcomeOf(method, ask(await sceneOf(place)), callers[caller])),
    );
    expect(seen.join(" ")).toBe(outcomes);
  });
});

test("a conversation that is not visible is not counted, not found by its number, and does not tell it", async () => {
  const { conversationId, entityId } = await makeScene();
  const asked = { conversationIds: [conversationId] };
  const { numbers } = await server.client(ConversationService, admin).assignConversationNumbers(asked);
  const number = numbers[0]?.number ?? 0n;
  expect(number).toBeGreaterThan(0n);
  const counts = async (credential: Credential) => {
    const { listConversations, assignConversationNumbers } = server.client(ConversationService, credential);
    const counted = await listConversations({ entityType: "test", entityId, includeTotalSize: true });
    const found = await listConversations({ number });
    const told = await assignConversationNumbers(asked);
    return [counted.totalSize, BigInt(found.conversations.length), told.numbers[0]?.number];
  };
  for (const caller of ["participant", "owner", "manager"] as const) {
    expect(await counts(callers[caller])).toEqual([1n, 1n, number]);
  }
  expect(await counts(callers.stranger)).toEqual([0n, 0n, undefined]);
});

test("a manager who no longer takes part sees what it once said, and may not change it", async () => {
  const { conversationId } = await makeScene();
  const { addParticipants, removeParticipant } = server.client(ParticipantService, admin);
  const messages = server.client(MessageService, callers.manager);
  await addParticipants({ conversationId, memberIds: ["manager"] });
  const messageId = (await messages.sendMessage({ conversationId, message: say })).message?.id ?? "";
  await removeParticipant({ conversationId, memberId: "manager" });
  expect((await messages.getMessage({ messageId })).message?.sender).toEqual(member("manager"));
  expect(await reasonOf(messages.updateMessage({ messageId, message: { content: "new" } }))).toBe("PERMISSION_DENIED");
  expect(await reasonOf(messages.deleteMessage({ messageId }))).toBe("PERMISSION_DENIED");
});
