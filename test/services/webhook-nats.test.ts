// F-HOOK-NATS, F-HOOK-NATS-SIZE: Events to NATS JetStream, by Debian's nats-server.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { WebhookOutcome } from "../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { startChild } from "../support/run/child.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { freePort } from "../support/services/free-port.ts";

const NATS = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].find((path) => existsSync(path));

describe.skipIf(NATS === undefined)("a JetStream endpoint", () => {
  let server: IdentityServer;
  let connection: NatsConnection;
  let manager: JetStreamManager;
  let folder: string;
  let port: number;
  let start: () => ChildProcess;
  let broker: ChildProcess;
  beforeAll(async () => {
    server = await startIdentityServer({ environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes" } });
    folder = await mkdtemp(join(tmpdir(), "colloquy-nats-"));
    port = await freePort();
    const settings = join(folder, "nats.conf");
    await writeFile(settings, "max_payload: 8KB");
    const words = [
      "-c",
      settings,
      "-js",
      "-a",
      "127.0.0.1",
      "-p",
      String(port),
      "-sd",
      folder,
      "--user",
      "ann",
      "--pass",
      "secret",
    ];
    start = () => startChild(NATS as string, words, { stdio: "ignore" });
    broker = start();
    connection = await connect({
      servers: `127.0.0.1:${port}`,
      user: "ann",
      pass: "secret",
      waitOnFirstConnect: true,
      reconnectTimeWait: 50,
      maxReconnectAttempts: -1,
    });
    manager = await jetstreamManager(connection);
  });
  afterAll(async () => {
    await connection?.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const headers = { Authorization: `Basic ${Buffer.from("ann:secret").toString("base64")}` };

  async function clients() {
    const tenant = await server.tenant();
    const { credential } = await tenant.key("read", "write", "admin");
    return {
      hooks: server.client(WebhookService, credential),
      conversations: server.client(ConversationService, credential),
    };
  }

  async function stored(name: string) {
    const { state } = await manager.streams.info(name);
    const messages: { subject: string; id: string; seq: string }[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq && state.messages > 0; seq++) {
      const message = await manager.streams.getMessage(name, { seq });
      if (message === null) continue;
      const event = message.json<{ seq: string }>();
      messages.push({ subject: message.subject, id: message.header.get("Nats-Msg-Id"), seq: event.seq });
    }
    return messages;
  }

  test.each([1, 10])(
    "gets every event once and in order, also when they are sent again, %i at a time",
    async (batchSize) => {
      const { hooks, conversations } = await clients();
      const name = `events${batchSize}`;
      await manager.streams.add({ name, subjects: [`${name}.>`] });
      const url = `nats://127.0.0.1:${port}/${name}`;
      const { endpoint } = await hooks.createWebhookEndpoint({
        endpoint: { target: { case: "url", value: url }, headers, batchSize },
      });
      const endpointId = endpoint?.id ?? "";
      const cursor = endpoint?.progress?.cursor ?? "";
      const messages = Array.from({ length: 25 }, (_, index) => ({ content: `${index}` }));
      const { conversation } = await conversations.createConversation({ messages });
      const all = messages.map((_, index) => ({
        subject: `${name}.message.sent`,
        id: `${conversation?.id}-${index + 1}`,
        seq: String(index + 1),
      }));
      await expect.poll(() => stored(name)).toEqual(all);
      await hooks.replayWebhookEndpoint({ endpointId, from: { place: { case: "cursor", value: cursor } } });
      await conversations.createConversation({ messages: [{ content: "last" }] });
      await expect.poll(async () => (await stored(name)).length).toBe(26);
      expect((await stored(name)).slice(0, 25)).toEqual(all);
    },
  );

  test("says so when no stream takes the subject, and goes on once one does", async () => {
    const { hooks, conversations } = await clients();
    const url = `nats://127.0.0.1:${port}/later`;
    const { endpoint } = await hooks.createWebhookEndpoint({
      endpoint: { target: { case: "url", value: url }, headers },
    });
    const endpointId = endpoint?.id ?? "";
    await conversations.createConversation({ messages: [{ content: "a" }] });
    const latest = async () => (await hooks.listWebhookDeliveries({ endpointId, pageSize: 1 })).deliveries[0];
    await expect.poll(latest).toMatchObject({ outcome: WebhookOutcome.REFUSED, error: "no stream takes the subject" });
    await manager.streams.add({ name: "later", subjects: ["later.>"] });
    await hooks.resumeWebhookEndpoint({ endpointId });
    await expect.poll(async () => (await stored("later")).length).toBe(1);
  });

  // automagik-dev/omni#1166, keptn-contrib/job-executor-service#380: what is over the limit of the server was told as
  // another failure.
  test("says so when an event is larger than the server takes, and sends none behind it first", async () => {
    const { hooks, conversations } = await clients();
    await manager.streams.add({ name: "large", subjects: ["large.>"] });
    const target = { case: "url", value: `nats://127.0.0.1:${port}/large` } as const;
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: { target, headers } });
    const endpointId = endpoint?.id ?? "";
    await conversations.createConversation({ messages: [{ content: "x".repeat(9_000) }, { content: "after" }] });
    const latest = async () => (await hooks.listWebhookDeliveries({ endpointId, pageSize: 1 })).deliveries[0];
    await expect
      .poll(latest)
      .toMatchObject({ outcome: WebhookOutcome.REFUSED, error: "the event is larger than the server's max_payload" });
    expect(await stored("large")).toEqual([]);
  });

  // alexfrmn/murmur#141, cordum-io/cordum#27
  test("says so when the credential is refused", async () => {
    const { hooks } = await clients();
    const url = `nats://127.0.0.1:${port}/x`;
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: { target: { case: "url", value: url } } });
    const { delivery } = await hooks.testWebhookEndpoint({ endpointId: endpoint?.id ?? "" });
    expect(delivery).toMatchObject({
      outcome: WebhookOutcome.UNREACHABLE,
      error: "the NATS server refused the credential",
    });
  });

  // The last: the server that it starts ends with it.
  test("that was away gets what came meanwhile, once and in order, over a connection of its own", async () => {
    const { hooks, conversations } = await clients();
    await manager.streams.add({ name: "away", subjects: ["away.>"] });
    const target = { case: "url", value: `nats://127.0.0.1:${port}/away` } as const;
    const { endpoint } = await hooks.createWebhookEndpoint({ endpoint: { target, headers } });
    const endpointId = endpoint?.id ?? "";
    const say = async (...contents: string[]) => {
      const messages = contents.map((content) => ({ content }));
      return (await conversations.createConversation({ messages })).conversation?.id ?? "";
    };
    const first = await say("a");
    await expect.poll(async () => (await stored("away")).length).toBe(1);
    broker.kill("SIGKILL");
    await once(broker, "close");
    const second = await say("b", "c");
    const latest = async () => (await hooks.listWebhookDeliveries({ endpointId, pageSize: 1 })).deliveries[0];
    await expect.poll(latest).toMatchObject({ outcome: WebhookOutcome.UNREACHABLE });
    broker = start();
    const ids = () =>
      stored("away").then(
        (messages) => messages.map(({ id }) => id),
        // The connection of this test is not back yet.
        () => [],
      );
    await expect.poll(ids, { timeout: 45_000 }).toContain(`${first}-1`);
    await hooks.resumeWebhookEndpoint({ endpointId });
    await expect.poll(ids, { timeout: 45_000 }).toEqual([`${first}-1`, `${second}-1`, `${second}-2`]);
  });
});
