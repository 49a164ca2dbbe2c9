// How often the hot calls go to the database: once, with the whole pipeline on.
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { ReactionService } from "../../gen/colloquy/v1/reaction_service_pb.ts";
import { SignalService } from "../../gen/colloquy/v1/signal_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const sent: string[] = [];
let server: IdentityServer;
let callers: Record<string, Credential>;
beforeAll(async () => {
  server = await startIdentityServer({
    onStatement(text) {
      sent.push(text);
    },
  });
  const tenant = await server.tenant();
  await tenant.addMember("ann", { role: "manager" });
  callers = {
    "an API key": (await tenant.key("read", "write")).credential,
    "a member": await tenant.token("ann", "member"),
    "a manager": await tenant.token("ann", "manager"),
  };
});
afterAll(() => server.close());

test.each(["an API key", "a member", "a manager"])("get, list and send of %s take one round trip each", async (who) => {
  const credential = callers[who] ?? {};
  const conversations = server.client(ConversationService, credential);
  const messages = server.client(MessageService, credential);
  const signals = server.client(SignalService, credential);
  const reactions = server.client(ReactionService, credential);
  const { conversation } = await conversations.createConversation({});
  const conversationId = conversation?.id ?? "";
  const message = { content: "hi" };
  const { message: first } = await messages.sendMessage({ conversationId, message });
  const calls: Record<string, () => Promise<unknown>> = {
    GetConversation: () => conversations.getConversation({ conversationId }),
    ListConversations: () => conversations.listConversations({ pageSize: 1 }),
    GetMessage: () => messages.getMessage({ messageId: first?.id ?? "" }),
    ListMessages: () => messages.listMessages({ conversationId, pageSize: 1 }),
    SendMessage: () => messages.sendMessage({ conversationId, message }),
    "SendMessage with a request id": () => messages.sendMessage({ conversationId, message, requestId: newId() }),
    "SendMessage with a client id": () =>
      messages.sendMessage({ conversationId, message: { ...message, clientId: newId() } }),
    "SendMessage to those who take part": () =>
      messages.sendMessage({ conversationId, message, participantsOnly: true }).catch(() => {}),
    AddReaction: () => reactions.addReaction({ messageId: first?.id ?? "", reaction: "👍" }),
    RemoveReaction: () => reactions.removeReaction({ messageId: first?.id ?? "", reaction: "👍" }),
    ListReactions: () => reactions.listReactions({ messageId: first?.id ?? "" }),
    "ListMessages, with reactions": () => messages.listMessages({ conversationId, pageSize: 1 }),
    // The second comes too soon for one more, but is looked up all the same.
    SendSignal: () => signals.sendSignal({ conversationId, name: "typing" }).catch(() => {}),
    BatchSendMessages: () => messages.batchSendMessages({ conversationId, messages: [message, message] }),
  };
  for (const [name, call] of Object.entries(calls)) {
    // The tenant's secret, with which page tokens are sealed, is read once in the life of a server.
    await call();
    // The server seals, sends and looks for what is due in all tenants from time to time, whatever is called.
    let times = 0;
    do {
      sent.length = 0;
      await call();
    } while (sent.length !== 1 && ++times < 5);
    expect([name, sent.length, sent]).toEqual([name, 1, sent]);
  }
});
