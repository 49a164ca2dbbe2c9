// Promise R13: keys, tokens and what people wrote stay out of logs, metrics and the errors of others.
import { Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessService } from "../../gen/colloquy/v1/access_service_pb.ts";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { ApiKeyScope } from "../../gen/colloquy/v1/api_key_pb.ts";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageRole } from "../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../gen/colloquy/v1/message_service_pb.ts";
import { createLogger } from "../../src/telemetry/log.ts";
import { reasonOf } from "../support/errors.ts";
import {
  bearer,
  type IdentityServer,
  type IdentityTenant,
  startIdentityServer,
  WIRES,
} from "../support/servers/identity-server.ts";

/** What must be found nowhere, by what it is. */
const planted = new Map<string, string>();
const plant = (what: string, canary = `canary-${what}-${crypto.randomUUID()}`): string => {
  planted.set(planted.has(what) ? `${what} ${planted.size}` : what, canary);
  return canary;
};

let server: IdentityServer;
let tenant: IdentityTenant;
let log = "";
/** What callers were told when something went wrong. */
let errors = "";

beforeAll(async () => {
  const sink = new Writable({
    write(chunk, _, done) {
      log += String(chunk);
      done();
    },
  });
  server = await startIdentityServer({
    logger: createLogger({ level: "trace", destination: sink }),
    environment: { COLLOQUY_RATE_LIMITS: "failures=100000/60" },
  });
  tenant = await server.tenant();
});
afterAll(() => server.close());

async function tell(path: string, init: RequestInit = {}): Promise<number> {
  const response = await fetch(`${server.url}${path}`, init);
  const text = `${[...response.headers].join("\n")}\n${await response.text()}`;
  if (response.status >= 400) errors += text;
  return response.status;
}

function found(text: string): string[] {
  return [...planted].filter(([, canary]) => text.includes(canary)).map(([what]) => what);
}

describe("while a server works with secrets", () => {
  test("that are right", async () => {
    const key = await tenant.key("read", "write", "admin");
    plant("key", key.text);
    plant("secret", key.text.split("_")[3]);
    const token = await tenant.token("alice", "admin");
    plant("token", token.authorization?.slice("Bearer ".length));
    const content = plant("content");
    for (const wire of WIRES) {
      for (const credential of [key.credential, token]) {
        const { conversation } = await server
          .client(ConversationService, credential, wire)
          .createConversation({ conversation: { title: plant("title"), metadata: { note: plant("metadata") } } });
        const messages = server.client(MessageService, credential, wire);
        const conversationId = conversation?.id ?? "";
        const { message } = await messages.sendMessage({
          conversationId,
          message: { role: MessageRole.USER, content },
        });
        await messages.searchMessages({ query: plant("query") });
        await messages.updateMessage({ messageId: message?.id ?? "", message: { content: plant("edit") } });
        await messages.deleteMessage({ messageId: message?.id ?? "" });
      }
    }
    const access = server.client(AccessService, key.credential);
    const made = await access.createApiKey({ apiKey: { scopes: [ApiKeyScope.READ] }, requestId: "once" });
    plant("made key", made.text);
    plant("rotated key", (await access.rotateApiKey({ apiKeyId: made.apiKey?.id ?? "" })).text);
    const openai = { baseUrl: "https://agents.example.com/v1", model: "m" };
    const agent = { name: "a", connector: { case: "openai" as const, value: openai }, credential: plant("agent") };
    await reasonOf(server.client(AgentService, key.credential).createAgent({ agent }));
    const grant = { grant_type: "client_credentials", client_id: key.id, client_secret: key.text };
    const answer = await fetch(`${server.url}/oauth2/token`, { method: "POST", body: new URLSearchParams(grant) });
    plant("issued token", ((await answer.json()) as { access_token: string }).access_token);
  });

  test("that are wrong, in every place where somebody may put one", async () => {
    const right = await tenant.key("read", "write");
    const secret = () => plant(`wrong ${planted.size}`);
    const wrong = [
      { authorization: `Bearer ${secret()}` },
      { authorization: secret() },
      { authorization: `Basic ${btoa(secret())}` },
      { "x-api-key": secret() },
      { "x-api-key": `${plant("typo", right.text.slice(0, -1))}x` },
      { ...right.credential, "x-api-key": secret() },
      { ...right.credential, "x-act-for": secret() },
      { ...right.credential, "x-tenant": secret() },
      { ...right.credential, cookie: secret() },
    ];
    for (const headers of wrong) await tell("/v1/conversations", { headers: headers as Record<string, string> });
    for (const path of ["/v1/conversations", "/v1/nowhere", "/colloquy.v1.MessageService/SendMessage", "/"]) {
      await tell(`${path}?auth_token=${secret()}`, { headers: right.credential });
      await tell(`${path}/${secret()}`, { headers: right.credential });
      const body = `{"message":{"content":"${secret()}`;
      const json = { ...right.credential, "content-type": "application/json" };
      expect(await tell(path, { method: "POST", headers: json, body })).toBeGreaterThanOrEqual(400);
    }
    const forms = [
      { grant_type: secret() },
      { grant_type: "client_credentials", client_id: "x", client_secret: secret() },
      { grant_type: "client_credentials", client_id: secret(), client_secret: right.text },
    ];
    for (const form of forms) await tell("/oauth2/token", { method: "POST", body: new URLSearchParams(form) });
  });

  test("and when it fails inside", async () => {
    const { credential } = await tenant.key("read", "write");
    const content = plant("failed content");
    const messages = server.client(MessageService, credential);
    const { conversation } = await server.client(ConversationService, credential).createConversation({});
    const hide = { name: "secrets_hide", text: "alter table message rename to message_away" };
    await server.database.query(hide, []);
    const message = { role: MessageRole.USER, content };
    expect(await reasonOf(messages.sendMessage({ conversationId: conversation?.id ?? "", message }))).toBe("INTERNAL");
    await server.database.query({ name: "secrets_show", text: "alter table message_away rename to message" }, []);
    expect(log).toMatch(/"level":"error"/);
  });

  test("its log, its metrics and its errors hold none of them", async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(log.length).toBeGreaterThan(10_000);
    expect(metrics.length).toBeGreaterThan(1_000);
    expect(errors.length).toBeGreaterThan(1_000);
    expect(planted.size).toBeGreaterThan(20);
    expect({ log: found(log), metrics: found(metrics), errors: found(errors) }).toEqual({
      log: [],
      metrics: [],
      errors: [],
    });
    process.stderr.write(
      `${planted.size} secrets planted, 0 found in ${log.length + metrics.length + errors.length} bytes\n`,
    );
  });

  test("and the search would find one", () => {
    expect(found(`…${planted.get("content")}…`)).toEqual(["content"]);
    expect(bearer(planted.get("key") ?? "").authorization).toContain("clq_");
  });
});
