import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { Gate } from "../../src/access/admission.ts";
import { Authenticator } from "../../src/access/authenticate.ts";
import { Directory } from "../../src/access/directory.ts";
import { KeyUses } from "../../src/access/keys/key-uses.ts";
import { RateLimits } from "../../src/access/limits/rate-limits.ts";
import { LocalIssuer } from "../../src/access/tokens/local-issuer.ts";
import { Tokens } from "../../src/access/tokens/tokens.ts";
import { DomainError, ErrorReason } from "../../src/domain/errors.ts";
import { tokenEndpoint } from "../../src/server/endpoints/token-endpoint.ts";
import { fakeClock, fakeKeys, fakeMembers, fakeRing, fakeTenants, requestWith } from "../support/servers/access.ts";

describe("/oauth2/token", () => {
  /** The endpoint on a socket, and an authenticator that knows its tokens. */
  async function listen() {
    const now = fakeClock();
    const keys = fakeKeys();
    const issuer = new LocalIssuer(fakeRing(), now);
    const store = new Directory({ keys, members: fakeMembers(), tenants: fakeTenants(), now });
    const tokens = new Tokens({ issuers: [issuer.issuer()], now });
    const authenticator = new Authenticator({ tokens, directory: store, uses: new KeyUses({ store: keys }), now });
    const gate = new Gate(authenticator, new RateLimits({ failures: { name: "failures", points: 3, seconds: 60 } }));
    const errors: unknown[] = [];
    const handle = tokenEndpoint({
      issuer,
      authenticator,
      gate,
      clientAddress: ({ address }) => address,
      onError: (error) => errors.push(error),
    });
    const server = createServer((request, response) => void handle(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth2/token`;
    const post = async (form: string | Record<string, string>, headers: Record<string, string> = {}) => {
      const body = new URLSearchParams(form);
      const response = await fetch(url, { method: "POST", body, headers });
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as Record<string, unknown>,
      };
    };
    const close = async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    };
    return { keys, authenticator, post, url, errors, [Symbol.asyncDispose]: close };
  }
  const grant = { grant_type: "client_credentials" };
  const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });

  test("gives a short token for a key, by form or by Basic, which is then that key", async () => {
    await using server = await listen();
    const { text, keyId } = server.keys.add(["read", "write"]);
    const name = text.split("_").slice(0, 3).join("_");
    const answers = [
      await server.post({ ...grant, client_id: keyId, client_secret: text }),
      await server.post({ ...grant, client_id: name, client_secret: text }),
      await server.post(grant, basic(keyId, text)),
    ];
    for (const { status, headers, body } of answers) {
      expect([status, headers.get("cache-control"), headers.get("pragma")]).toEqual([200, "no-store", "no-cache"]);
      expect(headers.get("content-type")).toBe("application/json;charset=UTF-8");
      expect(body).toEqual({
        access_token: expect.any(String),
        token_type: "Bearer",
        expires_in: 600,
        scope: "read write",
      });
      const request = requestWith({ authorization: `Bearer ${body.access_token}` });
      expect(await server.authenticator.authenticate(request)).toMatchObject({
        keyId,
        scopes: new Set(["read", "write"]),
      });
    }
  });

  test("gives fewer scopes when asked, and never more", async () => {
    await using server = await listen();
    const { text, keyId } = server.keys.add(["read", "write"]);
    const ask = (scope: string) => server.post({ ...grant, client_id: keyId, client_secret: text, scope });
    expect((await ask("read")).body.scope).toBe("read");
    for (const scope of ["admin", "read admin", "read  write", "nonsense"]) {
      expect(await ask(scope)).toMatchObject({ status: 400, body: { error: "invalid_scope" } });
    }
  });

  test("answers as RFC 6749 says when something is wrong", async () => {
    await using server = await listen();
    const { text, keyId } = server.keys.add(["read"]);
    const client = { client_id: keyId, client_secret: text };
    const cases: [number, string, Promise<{ status: number; body: Record<string, unknown> }>][] = [
      [400, "invalid_request", server.post(client)],
      [400, "unsupported_grant_type", server.post({ ...client, grant_type: "password" })],
      [400, "invalid_request", server.post(`${new URLSearchParams({ ...grant, ...client })}&client_id=x`)],
      [400, "invalid_request", server.post({ ...grant, ...client }, basic(keyId, text))],
      [400, "invalid_request", server.post({ ...grant, ...client }, { "content-type": "application/json" })],
      [413, "invalid_request", server.post({ ...grant, ...client, more: "x".repeat(20_000) })],
      [401, "invalid_client", server.post(grant)],
      [401, "invalid_client", server.post({ ...grant, client_id: keyId })],
      [401, "invalid_client", server.post(grant, { authorization: `Bearer ${text}` })],
      [401, "invalid_client", server.post({ ...grant, client_id: "someone", client_secret: text })],
    ];
    for (const [status, error, answering] of cases) {
      const answer = await answering;
      expect(answer).toMatchObject({ status, body: { error } });
      expect(JSON.stringify(answer.body)).not.toContain(text);
    }
    const wrong = await fetch(server.url);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "POST"]);
  });

  test("challenges who came by Basic", async () => {
    await using server = await listen();
    expect((await server.post(grant, basic("x", "y"))).headers.get("www-authenticate")).toBe('Basic realm="colloquy"');
  });

  test("counts bad keys against their address", async () => {
    await using server = await listen();
    const attempt = () => server.post({ ...grant, client_id: "x", client_secret: "clq_nonsense" });
    for (let i = 0; i < 3; i++) expect((await attempt()).status).toBe(401);
    const { status, headers, body } = await attempt();
    expect([status, headers.get("retry-after"), body.error]).toEqual([429, "60", "temporarily_unavailable"]);
  });

  test("says 503 when the store is gone, and 500 without a word for what it did not foresee", async () => {
    await using server = await listen();
    const { text, keyId } = server.keys.add(["read"]);
    const ask = () => server.post({ ...grant, client_id: keyId, client_secret: text });
    server.keys.fail = new DomainError(ErrorReason.DATABASE_UNAVAILABLE, "gone", { retryAfterMs: 1_500 });
    const unavailable = await ask();
    expect([unavailable.status, unavailable.headers.get("retry-after")]).toEqual([503, "2"]);
    server.keys.fail = new Error("internal details");
    expect(await ask()).toMatchObject({
      status: 500,
      body: { error: "server_error", error_description: "Something failed." },
    });
    expect(server.errors).toHaveLength(1);
  });
});
