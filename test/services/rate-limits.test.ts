// Rate limits, as callers meet them: one count for all wires, and an answer that says when to come back.
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { failureOf, reasonOf } from "../support/errors.ts";
import {
  type Credential,
  type IdentityServer,
  startIdentityServer,
  WIRES,
} from "../support/servers/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  const COLLOQUY_RATE_LIMITS = "caller=4/60,tenant=6/60,failures=3/60";
  server = await startIdentityServer({ environment: { COLLOQUY_RATE_LIMITS } });
});
afterAll(() => server.close());

const list = (credential: Credential, wire: (typeof WIRES)[number]) =>
  server.client(ConversationService, credential, wire).listConversations({});
const rest = (credential: Credential, init: RequestInit = {}) =>
  fetch(`${server.url}/v1/conversations`, { ...init, headers: { ...credential, ...init.headers } });

describe("a caller", () => {
  test("is counted once, whichever wire it takes", async () => {
    const { credential } = await (await server.tenant()).key("read");
    for (const wire of WIRES) await list(credential, wire);
    const last = await rest(credential);
    expect(last.status).toBe(200);
    // The seconds that are left depend on how long this took.
    expect(last.headers.get("ratelimit")).toMatch(/^"caller";r=0;t=[56]\d, "tenant";r=2;t=[56]\d$/);
    expect(last.headers.get("ratelimit-policy")).toBe('"caller";q=4;w=60, "tenant";q=6;w=60');

    for (const wire of WIRES) {
      const { code, reason, message, metadata, retrySeconds } = await failureOf(list(credential, wire));
      expect([wire, code, reason, metadata]).toEqual([wire, "ResourceExhausted", "RATE_LIMITED", { policy: "caller" }]);
      expect(message).toBe('The rate limit "caller" of 4 in 60 s is used up.');
      expect(retrySeconds).toBeGreaterThan(50);
      expect(retrySeconds).toBeLessThanOrEqual(60);
    }
    const refused = await rest(credential);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(50);
    expect(refused.headers.get("ratelimit")).toMatch(/^"caller";r=0;t=\d+$/);
  });

  test("gets the headers of a refusal on gRPC too", async () => {
    const { credential } = await (await server.tenant()).key("read");
    for (let i = 0; i < 4; i++) await list(credential, "grpc");
    const error = await list(credential, "grpc").then(
      () => expect.unreachable("the fifth call was let through"),
      (thrown: unknown) => ConnectError.from(thrown),
    );
    expect(error.metadata.get("retry-after")).toMatch(/^\d+$/);
    expect(error.metadata.get("ratelimit")).toMatch(/^"caller";r=0/);
  });

  test("leaves to others of its tenant what it was refused itself", async () => {
    const tenant = await server.tenant();
    const [one, two] = [(await tenant.key("read")).credential, (await tenant.key("read")).credential];
    for (let i = 0; i < 10; i++) await reasonOf(list(one, "connect"));
    expect(await reasonOf(list(two, "grpc"))).toBeUndefined();
    expect(await reasonOf(list(two, "connect"))).toBeUndefined();
    expect((await failureOf(list(two, "connect"))).metadata).toEqual({ policy: "tenant" });
  });

  test("is refused before its body is read", async () => {
    const { credential } = await (await server.tenant()).key("read", "write");
    for (let i = 0; i < 4; i++) await rest(credential);
    const headers = { ...credential, "content-type": "application/json", "content-length": "1000" };
    const sending = request(`${server.url}/v1/conversations`, { method: "POST", headers });
    sending.on("error", () => {});
    // Of the body, nothing is ever sent.
    sending.flushHeaders();
    const [response] = (await once(sending, "response")) as [IncomingMessage];
    expect(response.statusCode).toBe(429);
    sending.destroy();
  });
});

test("bad credentials are told to wait, on every wire and at the token endpoint; good ones of that address pass", async () => {
  const { credential } = await (await server.tenant()).key("read");
  const fresh = await (await server.tenant()).key("read");
  await list(credential, "connect");
  for (const wire of WIRES) expect(await reasonOf(list({ "x-api-key": "clq_bad" }, wire))).toBe("CREDENTIAL_INVALID");
  for (const wire of WIRES) expect(await reasonOf(list({ "x-api-key": "clq_bad" }, wire))).toBe("RATE_LIMITED");
  expect((await rest({ "x-api-key": "clq_bad" })).status).toBe(429);
  expect(await reasonOf(list(fresh.credential, "grpc"))).toBeUndefined();
  const exchange = async (client_secret: string) => {
    const body = new URLSearchParams({ grant_type: "client_credentials", client_id: fresh.id, client_secret });
    const answer = await fetch(`${server.url}/oauth2/token`, { method: "POST", body });
    return [answer.status, await answer.json()];
  };
  for (const secret of ["one", "two", "three"]) await exchange(secret);
  expect(await exchange("four")).toMatchObject([429, { error: "temporarily_unavailable" }]);
  expect(await exchange(fresh.text)).toMatchObject([200, { token_type: "Bearer" }]);
  expect(await reasonOf(list(credential, "grpc"))).toBeUndefined();
});
