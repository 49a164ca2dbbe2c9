// Credentials and errors of the call center's API.
import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectServer, sendHttp, startDialects } from "../../support/servers/dialect-server.ts";
import { type Credential, startIdentityServer } from "../../support/servers/identity-server.ts";

let dialect: DialectServer;
let ann: Credential;

beforeAll(async () => {
  dialect = await startDialects("callcenter");
  await dialect.tenant.addMember("ann");
  ann = await dialect.tenant.token("ann");
});
afterAll(() => dialect.close());

const LIST = "/conversations/user?call_type=inbound";
const tokenOf = (credential: Credential) => credential.authorization?.slice("Bearer ".length) ?? "";

describe("authentication", () => {
  test("S0-6 takes a token or an API key in the header, and the token in the query", async () => {
    const key = await dialect.tenant.key("read");
    const get = (path: string, credential?: Credential) => dialect.http("GET", path, { credential });
    expect((await get(LIST, ann)).status).toBe(200);
    expect((await get(LIST, key.credential)).status).toBe(200);
    expect((await get(LIST, { "x-api-key": key.text })).status).toBe(200);
    expect((await get(`${LIST}&auth_token=${tokenOf(ann)}`)).status).toBe(200);
    expect((await get(`${LIST}&auth_token=${key.text}`)).status).toBe(200);
    expect((await get(`/conversations/user?auth_token=${tokenOf(ann)}&call_type=inbound`)).status).toBe(200);
  });

  test("S0-6 takes auth_token at every endpoint", async () => {
    const token = `auth_token=${tokenOf(ann)}`;
    const body = { call_type: "inbound" };
    const { status, json } = await dialect.http("POST", `/conversations?${token}`, { body });
    expect(status).toBe(201);
    for (const [method, expected] of [
      ["GET", 200],
      ["PUT", 200],
      ["DELETE", 200],
    ] as const) {
      const answer = await dialect.http(method, `/conversations/${json.id}?${token}`, method === "PUT" ? { body } : {});
      expect(answer.status).toBe(expected);
    }
  });

  test("S0-6 answers 401 without a credential and for a bad one, before it looks at the rest", async () => {
    const { status, headers, json } = await dialect.http("GET", "/conversations/user?page=0");
    expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(json).toEqual({ detail: expect.any(String) });
    for (const bad of ["x", "", "clq_a_b_c_d", `${tokenOf(ann)}x`]) {
      expect((await dialect.http("GET", `${LIST}&auth_token=${bad}`)).status).toBe(401);
      expect((await dialect.http("GET", LIST, { headers: { authorization: `Bearer ${bad}` } })).status).toBe(401);
    }
  });

  test("S0-6 answers 401 to a key without the scope", async () => {
    const { credential } = await dialect.tenant.key("write");
    const { status, headers, json } = await dialect.http("GET", LIST, { credential });
    expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(json).toEqual({ detail: expect.any(String) });
    const reader = await dialect.tenant.key("read");
    const body = { call_type: "inbound" };
    expect((await dialect.http("POST", "/conversations", { credential: reader.credential, body })).status).toBe(401);
  });

  test("S0-6 keeps auth_token out of the log", async () => {
    let log = "";
    const sink = new Writable({
      write(chunk, _, done) {
        log += chunk;
        done();
      },
    });
    await using server = await startIdentityServer({
      environment: { COLLOQUY_COMPAT: "callcenter", LOG_LEVEL: "trace" },
      logger: pino({ level: "trace" }, sink),
    });
    const tenant = await server.tenant();
    const token = tokenOf(await tenant.token("ann"));
    for (const path of [
      LIST,
      "/conversations/user?call_type=x",
      "/conversations/user?page=\u0000",
      "/conversations/a/b?",
    ]) {
      await sendHttp(`${server.url}${path}&auth_token=${token}`, "GET");
      await sendHttp(`${server.url}${path}&auth_token=canary-${token}`, "POST", { raw: "{" });
    }
    const signature = token.split(".")[2] ?? "";
    expect(log.length).toBeGreaterThan(100);
    expect(log).not.toContain(signature);
    expect(log).not.toContain("canary");
  });
});

describe("errors", () => {
  test("S0-7 answers 404 to an unknown path and 405 to a wrong method, in this API's shape", async () => {
    const id = randomUUID();
    const unknown = await dialect.http("GET", `/conversations/${id}/nothing`, { credential: ann });
    expect([unknown.status, unknown.json]).toEqual([404, { detail: expect.any(String) }]);
    const wrong = await dialect.http("PATCH", `/conversations/${id}`, { credential: ann, body: {} });
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "DELETE, GET, HEAD, OPTIONS, PUT"]);
    expect(wrong.json).toEqual({ detail: expect.any(String) });
  });

  test("S0-7 answers 413 to a body past 4 MiB", async () => {
    const body = { call_type: "inbound", messages: Array(20).fill({ role: "user", content: "x".repeat(250_000) }) };
    const { status, json } = await dialect.http("POST", "/conversations", { credential: ann, body });
    expect([status, json]).toEqual([413, { detail: expect.any(String) }]);
  });

  test("S0-7 answers 503 with Retry-After while the database is down", async () => {
    const down = await startDialects("callcenter");
    try {
      const credential = await down.tenant.token("ann");
      expect((await down.http("GET", LIST, { credential })).status).toBe(200);
      await down.server.database.close();
      const { status, headers, json } = await down.http("GET", LIST, { credential });
      expect([status, json]).toEqual([503, { detail: expect.any(String) }]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    } finally {
      await down.close();
    }
  });
});
