// The id that a client gives a chat, thread or context names a conversation of its own, whatever others call theirs.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ParticipantService } from "../../gen/colloquy/v1/participant_service_pb.ts";
import { a2aClient, message } from "../support/fronts/a2a.ts";
import { aguiClient, runAgui } from "../support/fronts/agui.ts";
import { type ChatServer, post, startChats, user } from "../support/fronts/ai-sdk.ts";
import type { Credential } from "../support/servers/identity-server.ts";

let server: ChatServer;
let eve: Credential;
beforeAll(async () => {
  server = await startChats([], { COLLOQUY_COMPAT: "aisdk,agui,a2a" });
  await server.tenant.addMember("eve");
  eve = await server.tenant.token("eve");
});
afterAll(() => server.close());

/** How a member writes into the chat of an id. */
const WRITES: Readonly<Record<string, (id: string, text: string) => Promise<unknown>>> = {
  "AI SDK": (id, text) => post(server, { id, message: user(text) }),
  "AG-UI": (threadId, content) => {
    const messages = [{ id: randomUUID(), role: "user" as const, content }];
    return runAgui(aguiClient(server.server.url, server.credential, { threadId, messages }));
  },
  A2A: async (contextId, text) =>
    (await a2aClient(server.server.url, server.credential, "JSONRPC")).sendMessage(message(text, { contextId })),
};

const conversations = (who: Credential) => server.server.client(ConversationService, who);
const contentsOf = async (conversationId: string, who: Credential) =>
  (await server.server.client(MessageService, who).listMessages({ conversationId })).messages.map(
    ({ content }) => content,
  );

async function beginBy(who: Credential, clientId: string): Promise<string> {
  const request = { conversation: { clientId }, participantIds: ["alice"], messages: [{ content: "Trust me" }] };
  return (await conversations(who).createConversation(request)).conversation?.id ?? "";
}

describe.each(Object.keys(WRITES))("%s", (name) => {
  const write = WRITES[name] as (id: string, text: string) => Promise<unknown>;

  test("a conversation's UUID names it, though another member gave theirs that id and added the caller", async () => {
    const { conversation } = await conversations(server.credential).createConversation({});
    const id = conversation?.id ?? "";
    const forged = await beginBy(eve, id);
    await write(id, "For my own");
    expect(await contentsOf(id, server.credential)).toEqual(["For my own", "Hello"]);
    expect(await contentsOf(forged, eve)).toEqual(["Trust me"]);
  });

  test("F-CHAT-SHADOW: a conversation's UUID that was tried before the caller saw it names it once the caller does", async () => {
    const admins = conversations(server.admin);
    const { conversation } = await admins.createConversation({ conversation: { agent: "default" } });
    const id = conversation?.id ?? "";
    await write(id, "Too early");
    await server.server
      .client(ParticipantService, server.admin)
      .addParticipants({ conversationId: id, memberIds: ["alice"] });
    await write(id, "In time");
    expect(await contentsOf(id, server.credential)).toEqual(["In time", "Hello"]);
    const [stray] = (await conversations(server.credential).listConversations({ clientId: id })).conversations;
    expect(await contentsOf(stray?.id ?? "", server.credential)).toEqual(["Too early", "Hello"]);
  });

  test("an id that another member used before, with the caller as a participant, begins a chat of the caller's own", async () => {
    const id = `support-${randomUUID()}`;
    const forged = await beginBy(eve, id);
    await write(id, "For my own");
    expect(await contentsOf(forged, eve)).toEqual(["Trust me"]);
    const own = { clientId: id, ownerId: "alice" };
    const [made] = (await conversations(server.credential).listConversations(own)).conversations;
    expect(await contentsOf(made?.id ?? "", server.credential)).toEqual(["For my own", "Hello"]);
  });

  test("an id under which a back end began a conversation without an owner is found by who takes part", async () => {
    const id = `ticket-${randomUUID()}`;
    const begun = await beginBy(server.admin, id);
    await write(id, "Thanks");
    expect(await contentsOf(begun, server.credential)).toEqual(["Trust me", "Thanks", "Hello"]);
  });
});
