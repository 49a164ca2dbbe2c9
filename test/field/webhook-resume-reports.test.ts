// Faults of webhooks in other products around pauses, replays, rotated secrets and changes while something waits.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { failureOf } from "../support/failure.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type Received, type Receiver, startReceiver, verify } from "../support/services/webhook-receiver.ts";

const PATIENCE = { timeout: 45_000 };
const SOON = { "retry-after": "1" };

let server: IdentityServer;
let receiver: Receiver;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes" } });
});
afterAll(() => server.close());
beforeEach(async () => {
  receiver = await startReceiver();
  return () => receiver.close();
});

/** An administrator with an endpoint, and what people do. */
async function setUp(endpoint: object = {}) {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  const hooks = server.client(WebhookService, credential);
  const conversations = server.client(ConversationService, credential);
  const messages = server.client(MessageService, credential);
  const to = (path = "") => ({ case: "url", value: receiver.url + path }) as const;
  const made = await hooks.createWebhookEndpoint({ endpoint: { target: to(), ...endpoint } });
  const endpointId = made.endpoint?.id ?? "";
  return {
    hooks,
    messages,
    to,
    endpointId,
    secret: made.secret,
    cursor: made.endpoint?.progress?.cursor ?? "",
    async talk(...contents: string[]): Promise<string> {
      const request = { messages: contents.map((content) => ({ content })) };
      return (await conversations.createConversation(request)).conversation?.id ?? "";
    },
    say: (conversationId: string, content: string) => messages.sendMessage({ conversationId, message: { content } }),
    attempts: async () => (await hooks.listWebhookDeliveries({ endpointId, pageSize: 100 })).deliveries,
  };
}

/** The ids that were taken, each where it came first. */
const takenIds = () => [...new Set(receiver.taken().map(({ conversationId, seq }) => `${conversationId}-${seq}`))];
const idsOf = (conversationId: string, ...seqs: number[]) => seqs.map((seq) => `${conversationId}-${seq}`);

describe("F-HOOK-RESUME: what happens while an endpoint is paused is sent when it is resumed", () => {
  // kamu-data/kamu-cli#1342, airyhq/airy#2695
  test("in order, each pause again, and nothing that was taken before comes out of its turn", async () => {
    const { hooks, endpointId, talk, say } = await setUp();
    const conversationId = await talk("a");
    await expect.poll(takenIds, PATIENCE).toEqual(idsOf(conversationId, 1));
    for (const [first, second] of [
      [2, 3],
      [4, 5],
    ]) {
      await hooks.pauseWebhookEndpoint({ endpointId });
      await say(conversationId, `${first}`);
      await say(conversationId, `${second}`);
      await hooks.resumeWebhookEndpoint({ endpointId });
      await expect.poll(() => takenIds().length, PATIENCE).toBe(second);
    }
    expect(takenIds()).toEqual(idsOf(conversationId, 1, 2, 3, 4, 5));
  });

  // get-convex/workos-authkit#75, MystenLabs/walrus#408
  test("also what was under way while a later event of another conversation was taken", async () => {
    const { hooks, endpointId, talk, say } = await setUp();
    const quick = await talk("1", "2", "3");
    await expect.poll(takenIds, PATIENCE).toEqual(idsOf(quick, 1, 2, 3));
    let slow = "";
    const cameOf = (id: string) => receiver.received.filter(({ json }) => json.conversationId === id);
    // The first attempt at the slow one is never answered.
    receiver.answer = ({ json, response }) =>
      (json.conversationId === quick || cameOf(json.conversationId).length > 1) && response.writeHead(204).end();
    slow = await talk("held");
    await expect.poll(() => cameOf(slow).length, PATIENCE).toBe(1);
    await say(quick, "4");
    await expect.poll(takenIds, PATIENCE).toContain(`${quick}-4`);
    await hooks.pauseWebhookEndpoint({ endpointId });
    await hooks.resumeWebhookEndpoint({ endpointId });
    await expect.poll(takenIds, PATIENCE).toContain(`${slow}-1`);
    expect(new Set(cameOf(slow).map(({ id }) => id))).toEqual(new Set([`${slow}-1`]));
  });
});

describe("F-HOOK-REPLAY: a replay", () => {
  // macro-inc/macro#6029
  test("from a time has every event since, of all conversations, whichever came last", async () => {
    const { hooks, endpointId, talk, say } = await setUp();
    const [one, two] = [await talk("a"), await talk("b")];
    const { message } = await say(one, "c");
    await say(two, "d");
    await expect.poll(() => takenIds().length, PATIENCE).toBe(4);
    receiver.received.length = 0;
    const time = message?.createTime;
    if (time === undefined) throw new Error("a message has its time");
    await hooks.replayWebhookEndpoint({ endpointId, from: { place: { case: "time", value: time } } });
    await expect.poll(takenIds, PATIENCE).toEqual(expect.arrayContaining([`${one}-2`, `${two}-2`]));
  });

  test("while the endpoint fails loses nothing that waited", async () => {
    const { hooks, endpointId, cursor, talk } = await setUp();
    const old = await talk("a");
    await expect.poll(takenIds, PATIENCE).toEqual(idsOf(old, 1));
    receiver.answer = ({ response }) => response.writeHead(500).end();
    const waits = await talk("b");
    await expect.poll(() => receiver.received.length, PATIENCE).toBeGreaterThan(1);
    receiver.answer = ({ response }) => response.writeHead(204).end();
    receiver.received.length = 0;
    await hooks.replayWebhookEndpoint({ endpointId, from: { place: { case: "cursor", value: cursor } } });
    await expect.poll(takenIds, PATIENCE).toEqual([...idsOf(old, 1), ...idsOf(waits, 1)]);
  });
});

describe("F-HOOK-SECRET: what is tried again", () => {
  // better-auth/better-auth#8844, rmusser01/tldw_server#932, liwala/ay-framework#407, JSONbored/metagraphed#1931
  test("is signed anew, for its own time and with the secrets of that time", async () => {
    const { hooks, endpointId, secret, talk } = await setUp();
    const gate = Promise.withResolvers<void>();
    receiver.answer = ({ response }, index) =>
      index === 0 ? gate.promise.then(() => response.writeHead(500, SOON).end()) : response.writeHead(204).end();
    await talk("a");
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(1);
    const rotated = await hooks.rotateWebhookSecret({ endpointId, overlap: { seconds: 0n } });
    gate.resolve();
    await expect.poll(() => receiver.received.length, PATIENCE).toBeGreaterThan(1);
    const [first, again] = [receiver.received[0], receiver.received.at(-1)] as [Received, Received];
    expect(again.id).toBe(first.id);
    verify(secret, first);
    verify(rotated.secret, again);
    expect(() => verify(secret, again)).toThrow();
  });
});

describe("F-HOOK-CHANGE: what waits", () => {
  // keygen-sh/keygen-api#139
  test("for an endpoint that is deleted is not sent any more", async () => {
    const { hooks, endpointId, to, talk } = await setUp();
    receiver.answer = ({ path, response }) => {
      const other = receiver.received.filter((request) => request.path === "/hook/other").length;
      response.writeHead(500, { "retry-after": path === "/hook" ? "1" : other > 1 ? "9" : "2" }).end();
    };
    const gone = await talk("a");
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(1);
    await hooks.deleteWebhookEndpoint({ endpointId });
    const before = receiver.received.length;
    // Another endpoint fails later, and is tried again later than the deleted one would have been.
    await hooks.createWebhookEndpoint({ endpoint: { target: to("/other") } });
    await talk("b");
    await expect
      .poll(() => receiver.received.filter(({ path }) => path === "/hook/other").length, PATIENCE)
      .toBeGreaterThan(1);
    expect(receiver.received.filter(({ path }) => path === "/hook").length).toBe(before);
    expect(takenIds()).not.toContain(`${gone}-1`);
  });

  // hookdeck/outpost#131, KickEngineering/KickDevDocs#404
  test("goes to the new URL once the endpoint has one, under the same id", async () => {
    const { hooks, endpointId, to, talk } = await setUp();
    receiver.answer = ({ path, response }) => response.writeHead(path === "/hook" ? 500 : 204).end();
    const conversationId = await talk("a", "b");
    await expect.poll(() => receiver.received.length, PATIENCE).toBe(1);
    await hooks.updateWebhookEndpoint({ endpointId, endpoint: { target: to("/new") } });
    await hooks.resumeWebhookEndpoint({ endpointId });
    await expect.poll(takenIds, PATIENCE).toEqual(idsOf(conversationId, 1, 2));
    expect(receiver.received[0]?.id).toBe(`${conversationId}-1`);
  });
});

// openagentemail/openagentemail#216
test("F-HOOK-PAGES: pages of attempts go on where they stopped while new ones come, and a made-up page is refused", async () => {
  const { hooks, endpointId, talk, say, attempts } = await setUp();
  const conversationId = await talk("1", "2", "3");
  await expect.poll(async () => (await attempts()).length, PATIENCE).toBe(3);
  const first = await hooks.listWebhookDeliveries({ endpointId, pageSize: 2 });
  await say(conversationId, "4");
  await expect.poll(async () => (await attempts()).length, PATIENCE).toBe(4);
  const second = await hooks.listWebhookDeliveries({ endpointId, pageSize: 2, pageToken: first.nextPageToken });
  const seqs = [...first.deliveries, ...second.deliveries].map(({ webhookId }) => webhookId);
  expect(seqs).toEqual(idsOf(conversationId, 3, 2, 1));
  const madeUp = hooks.listWebhookDeliveries({ endpointId, pageSize: 2, pageToken: "x" });
  expect(await failureOf(madeUp)).toMatchObject({ reason: "INVALID_PAGE_TOKEN" });
});
