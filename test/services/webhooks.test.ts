// F-HOOK-SCHEMA: WebhookService, and what is sent to endpoints, over real sockets and a real database.
import { readFile } from "node:fs/promises";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { Webhook as SvixWebhook } from "svix";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { WebhookEndpointSchema, WebhookOrder, WebhookOutcome, WebhookState } from "../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import type { Json, OpenApiDocument } from "../../scripts/openapi/index.ts";
import { measureBacklogs } from "../../src/webhooks/backlog.ts";
import { createCheck } from "../support/calls/openapi-schema.ts";
import { failureOf } from "../support/failure.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type Receiver, startReceiver, verify } from "../support/services/webhook-receiver.ts";

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

async function clients() {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  return {
    tenant,
    hooks: server.client(WebhookService, credential),
    conversations: server.client(ConversationService, credential),
    messages: server.client(MessageService, credential),
    events: server.client(EventService, credential),
    audit: server.client(AuditService, credential),
  };
}

type Clients = Awaited<ReturnType<typeof clients>>;

async function talk({ conversations }: Clients, ...contents: string[]): Promise<string> {
  const messages = contents.map((content) => ({ content }));
  const { conversation } = await conversations.createConversation({ conversation: { title: "Lift" }, messages });
  return conversation?.id ?? "";
}

const url = () => ({ case: "url", value: receiver.url }) as const;
const seqs = () => receiver.taken().map(({ seq }) => Number(seq));

describe("an endpoint", () => {
  test("gets every event once, in order, signed so that the packages of the specification verify it", async () => {
    const own = await clients();
    await talk(own, "before");
    const { endpoint, secret } = await own.hooks.createWebhookEndpoint({ endpoint: { target: url() } });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const conversationId = await talk(own, "one", "two");
    const { message } = await own.messages.sendMessage({ conversationId, message: { content: "three" } });
    await own.messages.updateMessage({ messageId: message?.id ?? "", message: { content: "3" } });
    await expect.poll(seqs).toEqual([1, 2, 3, 4]);
    const { events } = await own.events.listEvents({ conversationId });
    expect(events.length).toBe(4);
    for (const [index, request] of receiver.received.entries()) {
      verify(secret, request);
      new SvixWebhook(secret).verify(request.body, request.headers as Record<string, string>);
      expect(request.id).toBe(`${conversationId}-${index + 1}`);
      expect(request.headers["content-type"]).toBe("application/json");
      expect(() => verify(`whsec_${"A".repeat(43)}=`, request)).toThrow("No matching signature found");
    }
    expect(receiver.received[0]?.json).toMatchObject({
      conversationId,
      seq: "1",
      messageSent: { content: "one", seq: "1" },
    });
    await expect
      .poll(async () => (await own.hooks.getWebhookEndpoint({ endpointId: endpoint?.id ?? "" })).endpoint?.progress)
      .toMatchObject({ failures: 0, replaying: false, lastSuccessTime: {} });
  });

  test("sends the body that Subscribe gives over REST", async () => {
    const own = await clients();
    await own.hooks.createWebhookEndpoint({ endpoint: { target: url() } });
    const conversationId = await talk(own, "same");
    await expect.poll(seqs).toEqual([1]);
    const { credential } = await own.tenant.key("read");
    const answer = await fetch(`${server.url}/v1/conversations/${conversationId}/events`, { headers: credential });
    const { events } = (await answer.json()) as { events: unknown[] };
    expect(receiver.received[0]?.json).toEqual(events[0]);
  });

  test.each([1, 10])("sends what the OpenAPI document says under webhooks, %i at a time", async (batchSize) => {
    const own = await clients();
    const { endpoint } = await own.hooks.createWebhookEndpoint({ endpoint: { target: url(), batchSize } });
    const conversationId = await talk(own, "one", "two");
    const { messages } = await own.messages.listMessages({ conversationId });
    const messageId = messages[0]?.id ?? "";
    await own.messages.updateMessage({ messageId, message: { content: "1" } });
    await own.messages.deleteMessage({ messageId });
    await own.conversations.updateConversation({ conversationId, conversation: { title: "Stairs" } });
    await own.conversations.purgeConversation({ conversationId });
    await own.hooks.testWebhookEndpoint({ endpointId: endpoint?.id ?? "" });
    await expect.poll(() => receiver.taken().some((event) => "conversationPurged" in event)).toBe(true);
    const document = JSON.parse(await readFile("gen/openapi/openapi.json", "utf8")) as OpenApiDocument;
    const check = createCheck(document);
    const described = document.webhooks?.[batchSize > 1 ? "batch" : "event"]?.post;
    const schema = described?.requestBody?.content?.["application/json"]?.schema;
    for (const { json, headers } of receiver.received) {
      expect([json, check(schema ?? {}, json as unknown as Json)]).toEqual([json, []]);
      for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) {
        expect(JSON.stringify(described?.parameters)).toContain(`"${name}"`);
        expect(headers[name]).toBeTruthy();
      }
    }
  });

  test("that is paused shows in the backlog what it has still to take, and how old that is", async () => {
    const own = await clients();
    const { endpoint } = await own.hooks.createWebhookEndpoint({ endpoint: { target: url() } });
    const id = endpoint?.id ?? "";
    const backlog = async () => (await measureBacklogs(server.database, [{ tenantId: own.tenant.id, id }]))[0];
    expect(await backlog()).toEqual({ endpointId: id, entries: 0, seconds: 0 });
    await own.hooks.pauseWebhookEndpoint({ endpointId: id });
    await talk(own, "a", "b", "c");
    // A subscription brings the feed up to date.
    const subscription = own.events.subscribe({})[Symbol.asyncIterator]();
    await subscription.next();
    await subscription.return?.();
    expect(await backlog()).toMatchObject({ endpointId: id, entries: 3 });
    const text = "update feed set create_time = statement_timestamp() - interval '1 hour' where tenant_id = $1";
    await server.database.query({ name: "test_age_feed", text }, [own.tenant.id]);
    expect((await backlog())?.seconds).toBeGreaterThanOrEqual(3_600);
    await own.hooks.resumeWebhookEndpoint({ endpointId: id });
    await expect.poll(backlog).toEqual({ endpointId: id, entries: 0, seconds: 0 });
  });

  test("begins where it is told to: at the beginning, at a time, or at a cursor of a subscription", async () => {
    const own = await clients();
    const old = await talk(own, "a", "b");
    const later = timestampFromDate(new Date(Date.now() + 1));
    await expect.poll(() => Date.now() > Number(later.seconds) * 1_000 + later.nanos / 1e6).toBe(true);
    const subscription = own.events.subscribe({})[Symbol.asyncIterator]();
    const cursor = (await subscription.next()).value?.cursor;
    const recent = await talk(own, "c");
    const starts = [
      { place: { case: "beginning", value: true } },
      { place: { case: "time", value: later } },
      { place: { case: "cursor", value: cursor } },
    ] as const;
    for (const [index, start] of starts.entries()) {
      const target = { case: "url", value: `${receiver.url}/${index}` } as const;
      await own.hooks.createWebhookEndpoint({ endpoint: { target }, start });
    }
    await own.messages.sendMessage({ conversationId: old, message: { content: "d" } });
    const of = (index: number) =>
      receiver.received
        .filter(({ path }) => path.endsWith(`/${index}`))
        .map(({ id }) => id)
        .toSorted();
    await expect.poll(() => of(0)).toEqual([`${old}-1`, `${old}-2`, `${old}-3`, `${recent}-1`].toSorted());
    await expect.poll(() => of(1)).toEqual([`${old}-3`, `${recent}-1`].toSorted());
    await expect.poll(() => of(2)).toEqual([`${old}-3`, `${recent}-1`].toSorted());
    await subscription.return?.();
  });

  test("gets only the kinds and conversations that it asked for", async () => {
    const own = await clients();
    const { conversation } = await own.conversations.createConversation({ conversation: { mode: "vip" } });
    await own.hooks.createWebhookEndpoint({
      endpoint: { target: url(), eventTypes: ["message.sent"], filter: { mode: "vip" } },
    });
    const conversationId = conversation?.id ?? "";
    const { message } = await own.messages.sendMessage({ conversationId, message: { content: "x" } });
    await own.messages.updateMessage({ messageId: message?.id ?? "", message: { content: "y" } });
    await talk(own, "other");
    await own.messages.sendMessage({ conversationId, message: { content: "z" } });
    await expect.poll(seqs).toEqual([1, 3]);
  });

  test("gets by each field of its filter what matches, and of a conversation what matches when it is sent", async () => {
    const own = await clients();
    await own.tenant.addMember("ann");
    const traits = { ownerId: "ann", agent: "a-1", entityType: "ticket", mode: "vip" };
    const fields = Object.keys(traits) as (keyof typeof traits)[];
    const make = async (conversation: object) =>
      (await own.conversations.createConversation({ conversation })).conversation?.id ?? "";
    const ids: Record<string, string> = {};
    for (const field of fields) {
      // What a conversation is about has a type and an id.
      const entity = field === "entityType" ? { entityId: "1" } : {};
      ids[field] = await make({ [field]: traits[field], ...entity });
    }
    ids.conversationId = await make({});
    const filters = { ...traits, conversationId: ids.conversationId };
    for (const [field, value] of Object.entries(filters)) {
      const target = { case: "url", value: `${receiver.url}/${field}` } as const;
      await own.hooks.createWebhookEndpoint({ endpoint: { target, filter: { [field]: value } } });
    }
    for (const conversationId of Object.values(ids)) {
      await own.messages.sendMessage({ conversationId, message: { content: "x" } });
    }
    const got = () => receiver.received.map(({ path, json }) => [path.replace("/hook/", ""), json.conversationId]);
    await expect.poll(() => got().toSorted()).toEqual(Object.entries(ids).toSorted());
    const conversationId = ids.mode ?? "";
    await own.conversations.updateConversation({ conversationId, conversation: { mode: "plain" } });
    await own.messages.sendMessage({ conversationId, message: { content: "y" } });
    await own.messages.sendMessage({ conversationId: ids.agent ?? "", message: { content: "z" } });
    await expect.poll(() => got().length).toBe(6);
    expect(got().at(-1)).toEqual(["agent", ids.agent]);
  });

  test("without an order gets several events of one conversation at the same time", async () => {
    const own = await clients();
    const held: (typeof receiver.received)[0][] = [];
    receiver.answer = (request, index) => {
      if (index > 0) held.push(request);
      if (index === 0) request.response.writeHead(204).end();
      if (index >= 2) for (const { response } of held.splice(0)) response.writeHead(204).end();
    };
    await own.hooks.createWebhookEndpoint({ endpoint: { target: url(), order: WebhookOrder.NONE } });
    await talk(own, "one", "two", "three");
    await expect.poll(() => seqs().toSorted()).toEqual([1, 2, 3]);
    expect(receiver.received.length).toBe(3);
  });

  test("gets batches, whose id is that of the same events in every attempt", async () => {
    const own = await clients();
    receiver.answer = ({ response }, index) =>
      index === 0 ? response.writeHead(503, { "retry-after": "1" }).end() : response.writeHead(200).end();
    const conversationId = await talk(own, "a", "b", "c");
    await own.hooks.createWebhookEndpoint({
      endpoint: { target: url(), batchSize: 2 },
      start: { place: { case: "beginning", value: true } },
    });
    await expect.poll(seqs, { timeout: 45_000 }).toEqual([1, 2, 3]);
    const [first, second, third] = receiver.received;
    expect(first?.id).toMatch(/^batch-[0-9a-f]{32}$/);
    expect(second?.id).toBe(first?.id);
    expect(third?.id).not.toBe(first?.id);
    expect(first?.json.events?.map(({ conversationId: id, seq }) => [id, seq])).toEqual([
      [conversationId, "1"],
      [conversationId, "2"],
    ]);
  });

  test("gets no content of what was deleted before it is sent, and the end of what is purged", async () => {
    const own = await clients();
    const { endpoint } = await own.hooks.createWebhookEndpoint({ endpoint: { target: url() } });
    const endpointId = endpoint?.id ?? "";
    await own.hooks.pauseWebhookEndpoint({ endpointId });
    const conversationId = await talk(own, "secret", "kept");
    const purged = await talk(own, "secret too");
    const { messages } = await own.messages.listMessages({ conversationId });
    await own.messages.deleteMessage({ messageId: messages[0]?.id ?? "" });
    await own.conversations.purgeConversation({ conversationId: purged });
    await own.hooks.resumeWebhookEndpoint({ endpointId });
    await expect
      .poll(() => receiver.received.map(({ id }) => id).toSorted())
      .toEqual([`${conversationId}-1`, `${conversationId}-2`, `${conversationId}-3`, `${purged}-2`].toSorted());
    const bodies = receiver.received.map(({ body }) => body).join("\n");
    expect(bodies).not.toContain("secret");
    expect(bodies).toContain("kept");
    const end = receiver.received.find(({ id }) => id === `${purged}-2`)?.json;
    expect(end).toMatchObject({ conversationId: purged, seq: "2", conversationPurged: {} });
  });

  test("that fails is tried again with the same id, and nothing of the conversation goes before", async () => {
    const own = await clients();
    receiver.answer = ({ response }, index) =>
      index < 2 ? response.writeHead(503, { "retry-after": "1" }).end("busy") : response.writeHead(200).end();
    const { endpoint } = await own.hooks.createWebhookEndpoint({ endpoint: { target: url() } });
    const conversationId = await talk(own, "a", "b");
    await expect.poll(seqs, { timeout: 45_000 }).toEqual([1, 2]);
    expect(receiver.received.map(({ json }) => json.seq)).toEqual(["1", "1", "1", "2"]);
    expect(new Set(receiver.received.slice(0, 3).map(({ id }) => id))).toEqual(new Set([`${conversationId}-1`]));
    const list = async (failedOnly: boolean) =>
      (await own.hooks.listWebhookDeliveries({ endpointId: endpoint?.id ?? "", failedOnly })).deliveries;
    await expect
      .poll(async () => (await list(false)).map(({ outcome }) => outcome))
      .toEqual([WebhookOutcome.SUCCEEDED, WebhookOutcome.SUCCEEDED, WebhookOutcome.REFUSED, WebhookOutcome.REFUSED]);
    expect((await list(true))[0]).toMatchObject({
      webhookId: `${conversationId}-1`,
      status: 503,
      error: "the endpoint answered with status 503",
      responseBody: "busy",
      eventCount: 1,
      conversationId,
      seq: 1n,
    });
  });

  test("that answers 410 is disabled, which the other endpoints and the audit log are told; resumed, it goes on", async () => {
    const own = await clients();
    const other = await startReceiver();
    receiver.answer = ({ response }) => response.writeHead(410).end();
    const { endpoint } = await own.hooks.createWebhookEndpoint({ endpoint: { target: url() } });
    const endpointId = endpoint?.id ?? "";
    const elsewhere = { case: "url", value: other.url } as const;
    await own.hooks.createWebhookEndpoint({ endpoint: { target: elsewhere, eventTypes: ["endpoint.disabled"] } });
    const conversationId = await talk(own, "a");
    await expect
      .poll(async () => (await own.hooks.getWebhookEndpoint({ endpointId })).endpoint)
      .toMatchObject({ state: WebhookState.DISABLED, stateReason: "the endpoint answered with status 410" });
    await expect
      .poll(() => other.received.map(({ json }) => json), { timeout: 10_000 })
      .toMatchObject([{ endpointDisabled: { endpointId, reason: "the endpoint answered with status 410" } }]);
    const { auditEntries } = await own.audit.listAuditEntries({ resourceId: endpointId });
    expect(auditEntries.map(({ action }) => action)).toEqual(["webhook_endpoint.disable", "webhook_endpoint.create"]);
    receiver.answer = ({ response }) => response.writeHead(200).end();
    await own.messages.sendMessage({ conversationId, message: { content: "b" } });
    await own.hooks.resumeWebhookEndpoint({ endpointId });
    await expect.poll(seqs).toEqual([1, 2]);
    await other.close();
  });

  test("is replayed from the beginning or a cursor, with the same ids, and never skips", async () => {
    const own = await clients();
    const conversationId = await talk(own, "a");
    const { endpoint } = await own.hooks.createWebhookEndpoint({ endpoint: { target: url() } });
    const endpointId = endpoint?.id ?? "";
    const cursor = endpoint?.progress?.cursor ?? "";
    await own.messages.sendMessage({ conversationId, message: { content: "b" } });
    await expect.poll(seqs).toEqual([2]);
    await own.hooks.replayWebhookEndpoint({ endpointId, from: { place: { case: "cursor", value: cursor } } });
    await expect.poll(seqs).toEqual([2, 2]);
    const beginning = { place: { case: "beginning", value: true } } as const;
    const { endpoint: back } = await own.hooks.replayWebhookEndpoint({ endpointId, from: beginning });
    expect(back?.progress?.replaying).toBe(true);
    const progress = async () => (await own.hooks.getWebhookEndpoint({ endpointId })).endpoint?.progress;
    await expect.poll(progress).toMatchObject({ replaying: false });
    expect(seqs()).toEqual([2, 2, 1, 2]);
    const ahead = own.hooks.replayWebhookEndpoint({
      endpointId,
      from: { place: { case: "cursor", value: "999999" } },
    });
    expect(await failureOf(ahead)).toMatchObject({ reason: "INVALID_FIELD" });
  });

  test("signs with both secrets while they rotate", async () => {
    const own = await clients();
    const { endpoint, secret: old } = await own.hooks.createWebhookEndpoint({ endpoint: { target: url() } });
    const endpointId = endpoint?.id ?? "";
    const { secret, endpoint: rotated } = await own.hooks.rotateWebhookSecret({ endpointId });
    expect(rotated?.previousSecretExpireTime).toBeDefined();
    const conversationId = await talk(own, "a");
    await expect.poll(seqs).toEqual([1]);
    for (const known of [old, secret]) verify(known, receiver.received[0] as (typeof receiver.received)[0]);
    expect(await failureOf(own.hooks.rotateWebhookSecret({ endpointId }))).toMatchObject({
      reason: "CONFLICT",
      message: expect.stringMatching(
        /^the secret before this one is valid until \S+: rotate then, or with an overlap of 0 /,
      ),
    });
    await own.hooks.rotateWebhookSecret({ endpointId, overlap: { seconds: 0n } });
    await own.messages.sendMessage({ conversationId, message: { content: "b" } });
    await expect.poll(seqs).toEqual([1, 2]);
    for (const known of [old, secret]) {
      expect(() => verify(known, receiver.received[1] as (typeof receiver.received)[0])).toThrow();
    }
  });

  test("is tested without a change of its state", async () => {
    const own = await clients();
    const { endpoint, secret } = await own.hooks.createWebhookEndpoint({
      endpoint: { target: url(), headers: { Authorization: "Basic abc" } },
    });
    expect(endpoint).toMatchObject({ headers: {}, headerNames: ["Authorization"] });
    receiver.answer = ({ response }) => response.writeHead(404).end("x".repeat(10_000));
    const endpointId = endpoint?.id ?? "";
    const { delivery } = await own.hooks.testWebhookEndpoint({ endpointId });
    expect(delivery).toMatchObject({ outcome: WebhookOutcome.REFUSED, status: 404, responseBody: "x".repeat(4_096) });
    const [request] = receiver.received;
    expect(request?.json).toMatchObject({ endpointTest: { endpointId } });
    expect(request?.headers.authorization).toBe("Basic abc");
    if (request) verify(secret, request);
    const after = await own.hooks.getWebhookEndpoint({ endpointId });
    expect(after.endpoint).toEqual(create(WebhookEndpointSchema, endpoint));
  });
});

describe("the rules of an endpoint", () => {
  test("name the field", async () => {
    const { hooks } = await clients();
    const make = async (endpoint: object) =>
      (await failureOf(hooks.createWebhookEndpoint({ endpoint: { target: url(), ...endpoint } }))).message;
    expect(await make({ target: { case: undefined } })).toContain("endpoint.target: must be set: url");
    for (const value of [
      "ftp://x",
      "http://x/\r\nX: y",
      " http://x",
      "http://x/a b",
      "http:/\\x",
      "http:x",
      "https:///x",
    ]) {
      expect(await make({ target: { case: "url", value } })).toContain(
        "endpoint.url: must be a URL that begins with https://, http:// or nats://",
      );
    }
    expect(await make({ target: { case: "url", value: "http://u:p@x" } })).toContain("endpoint.url: must have no user");
    expect(await make({ eventTypes: ["message.read"] })).toContain(
      "endpoint.event_types[0]: must be one of message.sent",
    );
    expect(await make({ headers: { Host: "x" } })).toContain("endpoint.headers: must not have host");
    expect(await make({ headers: { "Webhook-Id": "x" } })).toContain("endpoint.headers: must not have webhook-id");
    expect(await make({ filter: { conversationId: "x" } })).toContain(
      "endpoint.filter.conversation_id: must be the id",
    );
    expect(await make({ batchSize: 501 })).toContain("endpoint.batch_size");
  });

  test("keep its headers from another address, and changes from those who read an older one", async () => {
    const { hooks } = await clients();
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: { target: url(), headers: { "X-Key": "k" } } });
    const endpointId = endpoint?.id ?? "";
    const moved = hooks.updateWebhookEndpoint({
      endpointId,
      endpoint: { target: { case: "url", value: "http://127.0.0.2:1/" } },
    });
    expect((await failureOf(moved)).message).toContain(
      "endpoint.headers: must be set again or cleared when host, port or scheme change",
    );
    const update = { endpointId, endpoint: { description: "d" }, etag: endpoint?.etag ?? "" };
    const { endpoint: changed } = await hooks.updateWebhookEndpoint(update);
    expect(changed).toMatchObject({ description: "d", headerNames: ["X-Key"], etag: "2" });
    expect(await failureOf(hooks.updateWebhookEndpoint(update))).toMatchObject({ reason: "ETAG_MISMATCH" });
    expect(await failureOf(hooks.deleteWebhookEndpoint(update))).toMatchObject({ reason: "ETAG_MISMATCH" });
    await hooks.deleteWebhookEndpoint({ endpointId });
    expect(await failureOf(hooks.getWebhookEndpoint({ endpointId }))).toMatchObject({ reason: "NOT_FOUND" });
  });

  test("show the secret once: not again for the same request id", async () => {
    const { hooks } = await clients();
    const request = { endpoint: { target: url() }, requestId: "once" };
    const first = await hooks.createWebhookEndpoint(request);
    const again = await hooks.createWebhookEndpoint(request);
    expect(again).toMatchObject({ endpoint: { id: first.endpoint?.id }, secret: "" });
    expect((await hooks.listWebhookEndpoints({})).endpoints.length).toBe(1);
  });
});
