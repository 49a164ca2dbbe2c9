// Promise R3 for the five REST APIs: a caller of another tenant, and a token of another conversation, gets what it gets
// for a random id, to the last byte.
import type { DescMethod } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { conversationIdOf, derivedId, fileIdOf } from "../../src/dialects/openai/ids.ts";
import { ROLES, SCOPES } from "../../src/domain/identity/principal.ts";
import {
  createWireCaller,
  EVERY_WIRE,
  type EveryWire,
  messageOf,
  type WireCaller,
} from "../support/calls/every-wire.ts";
import { fingerprint, type Target } from "../support/isolation/isolation-cases.ts";
import { furnish, randomTarget } from "../support/isolation/isolation-target.ts";
import { dialectServices } from "../support/servers/contract.ts";
import {
  bearer,
  type Credential,
  type IdentityServer,
  startIdentityServer,
} from "../support/servers/identity-server.ts";

interface DialectTarget extends Target {
  /** A member whose id is a UUID. */
  readonly userId: string;
  /** The number of a conversation, as the support desk counts them. */
  readonly number: number;
}

type Ask = (target: DialectTarget) => object;
const byId: Ask = ({ conversationId }) => ({ conversationId });
const deleted: Ask = ({ deletedConversationId: conversationId }) => ({ conversationId });
const all: Ask = () => ({});
const byDerivedId: Ask = ({ conversationId }) => ({ conversationId: conversationIdOf(conversationId) });
const byResponse: Ask = ({ turnId }) => ({ responseId: derivedId("resp", turnId) });
const byFile: Ask = ({ fileId }) => ({ fileId: fileIdOf(fileId) });
const byNumber: Ask = ({ number }) => ({ id: number });

/** What each method is asked. Undefined: it only makes something, and names nothing that is there. */
const CASES: Readonly<Record<string, Ask | undefined>> = {
  "callcenter.v1.ConversationService/ListUserConversations": ({ memberId }) => ({
    callType: "inbound",
    agentId: memberId,
  }),
  "callcenter.v1.ConversationService/GetConversation": byId,
  "callcenter.v1.ConversationService/CreateConversation": undefined,
  "callcenter.v1.ConversationService/UpdateConversation": ({ conversationId }) => ({
    conversationId,
    conversation: { callType: "inbound", title: "taken" },
  }),
  "callcenter.v1.ConversationService/DeleteConversation": byId,

  "crm.v1.AnalyticService/GetConversationAnalytics": byId,
  "crm.v1.ConversationService/CreateConversation": ({ agentId }) => ({ agentId }),
  "crm.v1.ConversationService/ListConversations": all,
  "crm.v1.ConversationService/ListEntityConversations": all,
  "crm.v1.ConversationService/ListDeletedConversations": all,
  "crm.v1.ConversationService/ListMessages": byId,
  "crm.v1.ConversationService/Chat": ({ conversationId }) => ({ conversationId, message: "hello" }),
  "crm.v1.ConversationService/StreamChat": ({ conversationId }) => ({ conversationId, message: "hello" }),
  "crm.v1.ConversationService/DeleteConversation": byId,
  "crm.v1.ConversationService/RestoreConversation": deleted,
  "crm.v1.ConversationService/DeleteMessages": byId,
  "crm.v1.ConversationService/RestoreMessages": byId,
  "crm.v1.MessageService/DeleteMessage": ({ messageId }) => ({ messageId }),
  "crm.v1.MessageService/RestoreMessage": ({ deletedMessageId: messageId }) => ({ messageId }),
  "crm.v1.MessageService/ListDeletedMessages": all,

  "assistant.v1.ConversationService/ListConversations": ({ userId }) => ({ userId }),
  "assistant.v1.ConversationService/CreateConversation": undefined,
  "assistant.v1.ConversationService/UpdateConversation": ({ userId, conversationId }) => ({
    userId,
    conversationId,
    title: "taken",
  }),
  "assistant.v1.ConversationService/DeleteConversation": ({ userId, conversationId }) => ({ userId, conversationId }),

  "helpdesk.v1.ConversationService/CreateConversation": undefined,
  "helpdesk.v1.ConversationService/GetConversation": byNumber,
  "helpdesk.v1.ConversationService/ListConversations": ({ number }) => ({ userId: number }),
  "helpdesk.v1.ConversationService/UpdateConversation": ({ number: id }) => ({ id, title: "taken" }),
  "helpdesk.v1.ConversationService/DeleteConversation": byNumber,

  "openai.v1.ConversationService/CreateConversation": ({ messageId }) => ({
    items: [JSON.stringify({ type: "item_reference", id: derivedId("msg", messageId) })],
  }),
  "openai.v1.ConversationService/GetConversation": byDerivedId,
  "openai.v1.ConversationService/UpdateConversation": (target) => ({
    ...byDerivedId(target),
    metadata: '{"taken":""}',
  }),
  "openai.v1.ConversationService/DeleteConversation": byDerivedId,
  "openai.v1.ConversationService/ListConversations": ({ conversationId }) => ({
    after: conversationIdOf(conversationId),
  }),
  "openai.v1.ConversationService/SearchItems": ({ conversationId }) => ({
    query: "hello",
    conversation: conversationIdOf(conversationId),
  }),
  "openai.v1.FileService/CreateFile": undefined,
  "openai.v1.FileService/GetFile": byFile,
  "openai.v1.FileService/GetFileContent": byFile,
  "openai.v1.FileService/ListFiles": ({ fileId }) => ({ after: fileIdOf(fileId) }),
  "openai.v1.FileService/DeleteFile": byFile,
  "openai.v1.ItemService/CreateItems": (target) => ({
    ...byDerivedId(target),
    items: ['{"role":"user","content":"taken"}'],
  }),
  "openai.v1.ItemService/ListItems": byDerivedId,
  "openai.v1.ModelService/ListModels": all,
  "openai.v1.ModelService/GetModel": ({ agentId: model }) => ({ model }),
  "openai.v1.ItemService/GetItem": ({ messageId, ...target }) => ({
    ...byDerivedId({ ...target, messageId }),
    itemId: derivedId("msg", messageId),
  }),
  "openai.v1.ItemService/DeleteItem": ({ messageId, ...target }) => ({
    ...byDerivedId({ ...target, messageId }),
    itemId: derivedId("msg", messageId),
  }),

  "openai.v1.ResponseService/CreateResponse": ({ conversationId, agentId }) => ({
    model: agentId,
    input: '"hello"',
    conversation: JSON.stringify(conversationIdOf(conversationId)),
  }),
  "openai.v1.ResponseService/GetResponse": byResponse,
  "openai.v1.ResponseService/DeleteResponse": byResponse,
  "openai.v1.ResponseService/CancelResponse": byResponse,
  "openai.v1.ResponseService/ListInputItems": byResponse,

  "workorder.v1.ConversationService/ListConversations": ({ tenantId: organizationId }) => ({ organizationId }),
  "workorder.v1.ConversationService/GetConversation": byId,
  "workorder.v1.ConversationService/CreateConversation": ({ memberId }) => ({
    subject: "hello",
    participantUserIds: [memberId],
  }),
  "workorder.v1.ConversationService/UpdateConversation": ({ conversationId }) => ({ conversationId, subject: "taken" }),
  "workorder.v1.ConversationService/CreateMessage": ({ conversationId }) => ({ conversationId, body: "hello" }),
  "workorder.v1.ConversationService/ListMessages": byId,
};

const methods = new Map(
  dialectServices
    .flatMap((service) => service.methods)
    .map((method) => [`${method.parent.typeName}/${method.name}`.slice("colloquy.compat.".length), method] as const),
);

const SUPPORT = "/support";
const prefixOf = ({ parent }: DescMethod) => (parent.typeName.includes(".helpdesk.") ? SUPPORT : "");

const BOUND = "token of another conversation";

let server: IdentityServer;
let wires: WireCaller;
let victim: DialectTarget;
let attackers: [name: string, credential: Credential][];
let before: Record<string, string>;
let denied = 0;

beforeAll(async () => {
  server = await startIdentityServer({
    // Two of them claim the same paths on one port.
    environment: {
      COLLOQUY_COMPAT: `callcenter,crm,assistant,workorder,openai,helpdesk${SUPPORT}`,
      COLLOQUY_TRUST: "",
    },
  });
  wires = createWireCaller(server.url, prefixOf);
  const house = await server.tenant();
  const key = await house.key(...SCOPES);
  const userId = crypto.randomUUID();
  await house.addMember(userId);
  await house.addMember("1");
  victim = { ...(await furnish(server, house, key.credential)), userId, number: 1 };
  // Numbers are given when they are first shown.
  const list = await fetch(`${server.url}${SUPPORT}/api/conversations?user_id=1`, { headers: key.credential });
  expect(list.status).toBe(200);

  const own = await server.tenant();
  attackers = [["key", (await own.key(...SCOPES)).credential]];
  for (const role of ROLES.filter((one) => one !== "super_admin")) {
    await own.addMember(`a-${role}`, { role });
    attackers.push([role, await own.token(`a-${role}`)]);
  }
  attackers.push([BOUND, await tokenOfAnother(key.credential, victim.memberId)]);
  for (const [, credential] of attackers) await fetch(`${server.url}/v1/whoAmI`, { headers: credential });
  before = await fingerprint(server.database);
});
afterAll(async () => {
  wires.close();
  await server.close();
});

/** A client token of a member that takes part in the victim, held to another of its conversations. */
async function tokenOfAnother(key: Credential, memberId: string): Promise<Credential> {
  const asMember = { ...key, "x-act-for": memberId };
  const { conversation } = await server.client(ConversationService, asMember).createConversation({});
  const conversationId = conversation?.id ?? "";
  const { token } = await server.client(AccessService, key).createClientToken({ memberId, conversationId });
  return bearer(token);
}

/** Over REST, which is what a dialect is for, and of the others, from attacker to attacker, over each in turn. */
function wiresOf(attacker: number): EveryWire[] {
  if (process.env.TORTURE === "1") return [...EVERY_WIRE];
  const others = EVERY_WIRE.filter((wire) => wire !== "rest");
  return ["rest", others[attacker % others.length] as EveryWire];
}

test("every method of the six APIs has a case, and every case a method", () => {
  expect(Object.keys(CASES).sort()).toEqual([...methods.keys()].sort());
});

test.each(Object.entries(CASES))("%s", async (name, ask) => {
  const method = methods.get(name);
  if (ask === undefined || method === undefined) return;
  const random = { ...randomTarget(victim), userId: crypto.randomUUID(), number: 7 };
  for (const [place, [role, credential]] of attackers.entries()) {
    // The token is the member's own.
    const nobody = role === BOUND ? { ...random, memberId: victim.memberId } : random;
    for (const wire of wiresOf(place)) {
      const call = async (target: DialectTarget) => {
        const headers = { ...credential, "x-request-id": "isolation" };
        const answers = await wires.call(wire, method, messageOf(method.input, ask(target)), headers);
        // What the request held may be echoed, and counters and made-up ids differ by chance.
        return answers.map(({ bytes }) => {
          let text = bytes.replace(/req_[A-Za-z0-9]{20}/g, "REQ").replace(/^x-ratelimit-.*$/gm, "");
          text = text.replace(/(?<=^grpc-status-details-bin: ).*$/gm, (packed) =>
            Buffer.from(packed, "base64").toString("latin1"),
          );
          const { messageId, turnId, fileId } = target;
          const derived = [
            conversationIdOf(target.conversationId),
            derivedId("msg", messageId),
            derivedId("resp", turnId),
            fileIdOf(fileId),
          ];
          const { conversationId, memberId, userId, tenantId, agentId } = target;
          for (const id of [conversationId, memberId, userId, tenantId, agentId, ...derived]) {
            text = text.replaceAll(id, "ID");
          }
          return text;
        });
      };
      const foreign = await call(victim);
      denied += foreign.length;
      expect([role, wire, foreign]).toEqual([role, wire, await call(nobody)]);
      expect(foreign.join().includes(victim.word)).toBe(false);
    }
  }
});

test.each(Object.entries(CASES))("%s lets nobody in without a good credential", async (name, ask) => {
  const method = methods.get(name);
  if (method === undefined) return;
  const message = messageOf(method.input, ask?.(victim) ?? {});
  for (const credential of [{}, bearer("nonsense"), bearer(`clq_${"0".repeat(32)}`)]) {
    for (const wire of EVERY_WIRE) {
      for (const { outcome, bytes } of await wires.call(wire, method, message, credential)) {
        denied++;
        expect([wire, outcome]).not.toEqual([wire, "ok"]);
        if (wire === "rest") expect(bytes.slice(0, 3)).toBe("401");
      }
    }
  }
});

test("nothing has changed in any table", async () => {
  expect(await fingerprint(server.database)).toEqual(before);
  process.stderr.write(`denied: ${denied} calls of the five REST APIs\n`);
});
