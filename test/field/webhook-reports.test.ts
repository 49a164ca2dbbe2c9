// Faults of webhooks in other products, by their public reports: each is tried on ours.
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { hostname } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { WebhookOutcome, WebhookState } from "../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { isPrivateAddress } from "../../src/outbound/addresses.ts";
import { failureOf } from "../support/failure.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type Receiver, startReceiver } from "../support/services/webhook-receiver.ts";

let server: IdentityServer;
let strict: IdentityServer;
let receiver: Receiver;
beforeAll(async () => {
  [server, strict] = await Promise.all([
    startIdentityServer({ environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes" } }),
    startIdentityServer(),
  ]);
});
afterAll(() => Promise.all([server.close(), strict.close()]));
beforeEach(async () => {
  receiver = await startReceiver();
  return () => receiver.close();
});

async function clients(of = server) {
  const tenant = await of.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  return {
    hooks: of.client(WebhookService, credential),
    conversations: of.client(ConversationService, credential),
    messages: of.client(MessageService, credential),
  };
}

const to = (value: string) => ({ target: { case: "url", value } as const });
const SOON = { "retry-after": "1" };

describe("F-HOOK-LOST: what is not taken is not lost", () => {
  // imtaqin/waxum#68, fenilsonani/email-server#36
  test.each([400, 401, 404, 413, 422, 429, 500])("an answer of %i is tried again", async (status) => {
    const { hooks, conversations } = await clients();
    receiver.answer = ({ response }, index) => response.writeHead(index === 0 ? status : 200, SOON).end();
    await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
    await conversations.createConversation({ messages: [{ content: "a" }] });
    await expect.poll(() => receiver.received.length, { timeout: 45_000 }).toBe(2);
    expect(receiver.received[1]?.id).toBe(receiver.received[0]?.id);
  });

  // F-HOOK-DELETED: keygen-sh/keygen-api#139
  test("an endpoint that is deleted gets nothing again, neither what it holds open nor what it refused", async () => {
    const { hooks, conversations } = await clients();
    const other = await startReceiver();
    const closed: Promise<unknown>[] = [];
    receiver.answer = ({ response }, index) => {
      if (index === 0) response.writeHead(503, SOON).end();
      else closed.push(once(response, "close"));
    };
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
    await conversations.createConversation({ messages: [{ content: "a" }] });
    await expect.poll(() => receiver.received.length, { timeout: 45_000 }).toBe(2);
    await hooks.deleteWebhookEndpoint({ endpointId: endpoint?.id ?? "" });
    await Promise.all(closed);
    other.answer = ({ response }, index) => response.writeHead(index === 0 ? 503 : 204, SOON).end();
    await hooks.createWebhookEndpoint({ endpoint: to(other.url) });
    await conversations.createConversation({ messages: [{ content: "b" }] });
    await expect.poll(() => other.received.length, { timeout: 45_000 }).toBe(2);
    expect(receiver.received.length).toBe(2);
    await other.close();
  });

  // mohamedboukari/bunmail#30
  test("that an endpoint fails, and when it is tried next, outlives a server", async () => {
    const { hooks, conversations } = await clients();
    receiver.answer = ({ response }) => response.writeHead(503).end();
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
    await conversations.createConversation({ messages: [{ content: "a" }] });
    const progress = async () =>
      (await hooks.getWebhookEndpoint({ endpointId: endpoint?.id ?? "" })).endpoint?.progress;
    await expect.poll(progress).toMatchObject({ failures: 1, failingSince: {}, nextAttemptTime: {} });
    const { failingSince, nextAttemptTime } = (await progress()) ?? {};
    const pause = Number(nextAttemptTime?.seconds) - Number(failingSince?.seconds);
    expect(pause).toBeGreaterThanOrEqual(5);
    expect(pause).toBeLessThanOrEqual(8);
  });

  // keygen-sh/keygen-api#771
  test("an endpoint that hangs holds up no other", async () => {
    const { hooks, conversations } = await clients();
    receiver.answer = ({ path, response }) => path === "/hook/slow" || response.writeHead(200).end();
    for (let slow = 0; slow < 5; slow++) await hooks.createWebhookEndpoint({ endpoint: to(`${receiver.url}/slow`) });
    await hooks.createWebhookEndpoint({ endpoint: to(`${receiver.url}/fast`) });
    for (let index = 0; index < 20; index++) await conversations.createConversation({ messages: [{ content: "a" }] });
    await expect.poll(() => receiver.received.filter(({ path }) => path === "/hook/fast").length).toBe(20);
  });
});

// reapit/foundations#9608, reapit/foundations#5518, fazer-ai/chatwoot#373, livekit/protocol#345
test("F-HOOK-ORDER: while one is tried again, those behind it in its conversation wait", async () => {
  const { hooks, conversations, messages } = await clients();
  receiver.answer = ({ response }, index) => response.writeHead(index % 2 === 0 ? 500 : 200, SOON).end();
  const { conversation } = await conversations.createConversation({ messages: [{ content: "a" }] });
  const conversationId = conversation?.id ?? "";
  await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
  const { message } = await messages.sendMessage({ conversationId, message: { content: "b" } });
  await messages.updateMessage({ messageId: message?.id ?? "", message: { content: "c" } });
  await messages.deleteMessage({ messageId: message?.id ?? "" });
  await expect.poll(() => receiver.received.length, { timeout: 45_000 }).toBe(6);
  expect(receiver.received.map(({ json }) => json.seq)).toEqual(["2", "2", "3", "3", "4", "4"]);
});

describe("F-HOOK-SSRF: no endpoint leads into a private network", () => {
  // synapticcybersecurity/hekate#56, deskhq/the-desk#554, formbricks/formbricks#7877
  test.each([301, 302, 303, 307, 308])("a redirect of %i is an answer, and not followed", async (status) => {
    const { hooks } = await clients();
    const other = await startReceiver();
    receiver.answer = ({ response }) => response.writeHead(status, { location: other.url }).end();
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
    const { delivery } = await hooks.testWebhookEndpoint({ endpointId: endpoint?.id ?? "" });
    expect(delivery).toMatchObject({
      outcome: WebhookOutcome.REFUSED,
      status,
      error: `the endpoint answered with status ${status}; redirects are not followed`,
    });
    expect(other.received).toEqual([]);
    await other.close();
  });

  // wintermeyer/vutuv#775, superloglabs/superlog#154, jterry136/AutoForm#36
  test("private addresses are refused in every spelling, at creation and in an update", async () => {
    const { hooks } = await clients(strict);
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: to("https://hooks.example.com/") });
    const endpointId = endpoint?.id ?? "";
    const hosts =
      "127.0.0.1 10.1.2.3 169.254.169.254 [::1] [::ffff:10.0.0.1] [fd00::1] 2130706433 0x7f.1 localhost a.localhost";
    for (const host of hosts.split(" ")) {
      const message = `endpoint.url: must not be on a private network, which takes COLLOQUY_WEBHOOK_PRIVATE=yes`;
      const url = to(`http://${host}/`);
      expect((await failureOf(hooks.createWebhookEndpoint({ endpoint: url }))).message).toContain(message);
      expect((await failureOf(hooks.updateWebhookEndpoint({ endpointId, endpoint: url }))).message).toContain(message);
    }
  });

  // deskhq/the-desk#566
  test("a name that leads there is refused when it is connected to", async () => {
    const name = hostname();
    const addresses = await lookup(name, { all: true }).catch(() => []);
    if (addresses.length === 0 || !addresses.every(({ address }) => isPrivateAddress(address))) return;
    const { hooks } = await clients(strict);
    const { endpoint } = await hooks.createWebhookEndpoint({
      endpoint: to(`http://${name}:${new URL(receiver.url).port}/`),
    });
    const { delivery } = await hooks.testWebhookEndpoint({ endpointId: endpoint?.id ?? "" });
    expect(delivery).toMatchObject({ outcome: WebhookOutcome.ADDRESS_REFUSED, status: 0 });
    expect(receiver.received).toEqual([]);
  });
});

describe("F-HOOK-ANSWER: what an endpoint answers does no harm", () => {
  // hookdeck/outpost#974, appwrite/appwrite#7056
  test("of an answer without end 4 KiB are read, and its status counts", async () => {
    const { hooks, conversations } = await clients();
    receiver.answer = ({ response }) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write("x".repeat(65_536)));
      };
      response.on("drain", more);
      more();
    };
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
    await conversations.createConversation({ messages: [{ content: "a" }, { content: "b" }] });
    await expect.poll(() => receiver.received.map(({ json }) => json.seq)).toEqual(["1", "2"]);
    const { deliveries } = await hooks.listWebhookDeliveries({ endpointId: endpoint?.id ?? "" });
    for (const { outcome, responseBody } of deliveries) {
      expect([outcome, responseBody.length]).toEqual([WebhookOutcome.SUCCEEDED, 4_096]);
    }
  });

  test("a body that never comes does not keep the events behind it", async () => {
    const { hooks, conversations } = await clients();
    receiver.answer = ({ response }) => response.writeHead(200, { "content-length": "10" }).write("1");
    await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
    await conversations.createConversation({ messages: [{ content: "a" }, { content: "b" }] });
    await expect.poll(() => receiver.received.map(({ json }) => json.seq), { timeout: 45_000 }).toEqual(["1", "2"]);
  });

  test("bytes that are no text, and U+0000, are kept as a text", async () => {
    const { hooks } = await clients();
    receiver.answer = ({ response }) => response.writeHead(500).end(Buffer.from([0x61, 0x00, 0xff, 0x62]));
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
    const endpointId = endpoint?.id ?? "";
    await hooks.testWebhookEndpoint({ endpointId });
    const { deliveries } = await hooks.listWebhookDeliveries({ endpointId });
    expect(deliveries[0]?.responseBody).toBe("a\ufffd\ufffdb");
  });

  test("a kept line that breaks once is no failure: what was sent is sent again at once", async () => {
    const { hooks, conversations } = await clients();
    receiver.answer = ({ response, socket }, index) =>
      index === 1 ? socket.resetAndDestroy() : response.writeHead(200).end();
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: to(receiver.url) });
    for (const [content, count] of [
      ["a", 1],
      ["b", 3],
    ] as const) {
      await conversations.createConversation({ messages: [{ content }] });
      await expect.poll(() => receiver.received.length).toBe(count);
    }
    const { endpoint: after } = await hooks.getWebhookEndpoint({ endpointId: endpoint?.id ?? "" });
    expect(after).toMatchObject({ state: WebhookState.ACTIVE, progress: { failures: 0 } });
  });
});
