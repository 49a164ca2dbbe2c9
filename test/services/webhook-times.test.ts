// What days do to webhook endpoints: the feed keeps what they have still to take, and who takes nothing is disabled.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { EventService } from "../../gen/colloquy/v1/event_service_pb.ts";
import { WebhookState } from "../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { type Receiver, startReceiver } from "../support/services/webhook-receiver.ts";

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
  const { id, key } = await server.tenant();
  const { credential } = await key("read", "write", "admin");
  const change = (name: string, text: string) => server.database.query({ name: `test_${name}`, text }, [id]);
  return {
    hooks: server.client(WebhookService, credential),
    conversations: server.client(ConversationService, credential),
    audit: server.client(AuditService, credential),
    /** A subscription brings the feed up to date, and deletes from it what is old. */
    async follow() {
      const subscription = server.client(EventService, credential).subscribe({})[Symbol.asyncIterator]();
      await subscription.next();
      await subscription.return?.();
    },
    // In UTC, because Citus takes no day that depends on a time zone.
    weekLater: () =>
      change(
        "age_feed",
        `update feed set create_time = (create_time at time zone 'UTC' - interval '8 days') at time zone 'UTC'
         where tenant_id = $1`,
      ),
    rows: () => change("count_feed", "select position from feed where tenant_id = $1"),
    change,
  };
}

const target = () => ({ case: "url", value: receiver.url }) as const;

test("what an endpoint has still to take stays in the feed after 7 days, and is sent", async () => {
  const own = await clients();
  const { endpoint } = await own.hooks.createWebhookEndpoint({ endpoint: { target: target() } });
  const endpointId = endpoint?.id ?? "";
  await own.hooks.pauseWebhookEndpoint({ endpointId });
  await own.conversations.createConversation({ messages: [{ content: "a" }, { content: "b" }] });
  await own.follow();
  await own.weekLater();
  await own.follow();
  expect((await own.rows()).length).toBe(1);
  await own.hooks.resumeWebhookEndpoint({ endpointId });
  await expect.poll(() => receiver.taken().map(({ seq }) => seq)).toEqual(["1", "2"]);
  await own.hooks.deleteWebhookEndpoint({ endpointId });
  await expect
    .poll(async () => {
      await own.follow();
      return (await own.rows()).length;
    })
    .toBe(0);
});

test("an endpoint that took nothing for 3 days is disabled, which the others and the audit log are told, and keeps its place", async () => {
  const own = await clients();
  const other = await startReceiver();
  await own.hooks.createWebhookEndpoint({
    endpoint: { target: { case: "url", value: other.url }, eventTypes: ["endpoint.disabled"] },
  });
  receiver.answer = ({ response }) => response.writeHead(500).end();
  const { endpoint } = await own.hooks.createWebhookEndpoint({ endpoint: { target: target() } });
  const endpointId = endpoint?.id ?? "";
  const read = async () => (await own.hooks.getWebhookEndpoint({ endpointId })).endpoint;
  await own.conversations.createConversation({ messages: [{ content: "a" }] });
  await expect.poll(read).toMatchObject({ progress: { failures: 1 } });
  await own.hooks.pauseWebhookEndpoint({ endpointId });
  await own.change(
    "age_failure",
    `update webhook_progress set failing_since = now() - interval '73 hours', next_attempt_time = null where tenant_id = $1`,
  );
  await own.change("unpause", "update webhook_endpoint set state = 1 where tenant_id = $1");
  await expect
    .poll(read)
    .toMatchObject({ state: WebhookState.DISABLED, stateReason: "the endpoint took nothing for 3 days" });
  const reason = "the endpoint took nothing for 3 days";
  await expect.poll(() => other.taken()).toMatchObject([{ endpointDisabled: { endpointId, reason } }]);
  await other.close();
  const { auditEntries } = await own.audit.listAuditEntries({ resourceId: endpointId });
  expect(auditEntries[0]).toMatchObject({ action: "webhook_endpoint.disable", details: { reason } });
  receiver.answer = ({ response }) => response.writeHead(200).end();
  await own.hooks.resumeWebhookEndpoint({ endpointId });
  await expect.poll(() => receiver.taken().map(({ seq }) => seq)).toEqual(["1"]);
});
