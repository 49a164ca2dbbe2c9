// F-CACHE: who may keep each kind of answer, what it varies by, and which of its headers a page may read.
import { connect as connectHttp2 } from "node:http2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
let id: string;
beforeAll(async () => {
  server = await startIdentityServer();
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
  const headers = { ...key, ...JSON_TYPE };
  const body = JSON.stringify({ conversation: { title: "t", metadata: { long: "x".repeat(3000) } } });
  const made = await fetch(`${server.url}/v1/conversations`, { method: "POST", headers, body });
  ({ id } = (await made.json()) as { id: string });
});
afterAll(() => server.close());

const JSON_TYPE = { "content-type": "application/json" };
const ORIGIN = { origin: "http://localhost:5173" };
const GET = "/colloquy.v1.ConversationService/GetConversation";
const PREFLIGHT = { ...ORIGIN, "access-control-request-method": "PATCH" };

interface Case {
  readonly kind: string;
  readonly path: string;
  readonly status: number;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const CASES: readonly Case[] = [
  { kind: "a resource", path: "/v1/conversations/ID", status: 200 },
  { kind: "its head", path: "/v1/conversations/ID", status: 200, method: "HEAD" },
  { kind: "a resource that is held", path: "/v1/conversations/ID", status: 304, headers: { "if-none-match": "*" } },
  { kind: "a list", path: "/v1/conversations", status: 200 },
  { kind: "nothing by that id", path: "/v1/conversations/none", status: 404 },
  { kind: "no such path", path: "/v1/nothing", status: 404 },
  { kind: "no such method", path: "/v1/whoAmI", status: 405, method: "DELETE" },
  { kind: "a path that no mount has", path: "/nothing", status: 404 },
  { kind: "what a path takes", path: "/v1/whoAmI", status: 204, method: "OPTIONS" },
  { kind: "a bad path", path: "/v1//x", status: 400 },
  { kind: "no credential", path: "/v1/whoAmI", status: 401, headers: { authorization: "" } },
  { kind: "not acceptable", path: "/v1/whoAmI", status: 406, headers: { accept: "text/html" } },
  {
    kind: "a media type",
    path: "/v1/conversations",
    status: 415,
    method: "POST",
    body: "a",
    headers: { "content-type": "text/plain" },
  },
  {
    kind: "an event stream",
    path: "/v1/conversations/ID:subscribe",
    status: 200,
    headers: { accept: "text/event-stream" },
  },
  { kind: "the document", path: "/openapi.json", status: 200 },
  { kind: "the document, held", path: "/openapi.json", status: 304, headers: { "if-none-match": "*" } },
  { kind: "the pages", path: "/docs", status: 200 },
  { kind: "the keys", path: "/.well-known/jwks.json", status: 200 },
  { kind: "the keys by POST", path: "/.well-known/jwks.json", status: 405, method: "PUT" },
  { kind: "readiness", path: "/readyz", status: 200 },
  { kind: "metrics", path: "/metrics", status: 200 },
  { kind: "options of all", path: "/", status: 200, method: "OPTIONS" },
  { kind: "Connect by GET", path: `${GET}?encoding=json&message=%7B%22conversationId%22%3A%22ID%22%7D`, status: 200 },
];

async function ask({ path, method = "GET", headers = {}, body }: Case, more: Readonly<Record<string, string>> = {}) {
  const stop = new AbortController();
  const response = await fetch(server.url + path.replace("ID", id), {
    method,
    headers: { ...key, ...headers, ...more },
    signal: stop.signal,
    ...(body !== undefined && { body }),
  });
  stop.abort();
  return response;
}

const namesIn = (header: string | null) => (header ?? "").toLowerCase().split(/, */);

test.each(CASES)("F-CACHE: $kind says who may keep it and varies by Origin, with and without one", async (one) => {
  for (const more of [{}, ORIGIN, { origin: "https://foreign.example" }]) {
    const { status, headers } = await ask(one, more);
    expect(status).toBe(one.status);
    expect(headers.get("cache-control")).toMatch(/^(?:no-store|(?:private, )?no-cache|public, max-age=\d+)/);
    // What no cache keeps, calls of the RPC protocols, varies by nothing.
    if ("origin" in more || !one.path.startsWith("/colloquy."))
      expect(namesIn(headers.get("vary"))).toContain("origin");
    if (headers.has("content-encoding")) expect(namesIn(headers.get("vary"))).toContain("accept-encoding");
  }
});

/** A page may read these of any answer (Fetch standard, "CORS-safelisted response-header name"). */
const SAFE = [
  "cache-control",
  "content-language",
  "content-length",
  "content-type",
  "expires",
  "last-modified",
  "pragma",
];
/** Of the connection, of browsers' own, or of no use to a page. */
const OWN = [
  "connection",
  "keep-alive",
  "date",
  "vary",
  "transfer-encoding",
  "x-content-type-options",
  "x-accel-buffering",
];
const POLICIES = ["referrer-policy", "content-security-policy"];

test.each(CASES)("F-CACHE: a page may read every header of $kind", async (one) => {
  const { headers } = await ask(one, ORIGIN);
  const exposed = namesIn(headers.get("access-control-expose-headers"));
  const unread = [...headers.keys()].filter((name) => !name.startsWith("access-control-"));
  expect(unread.filter((name) => ![...exposed, ...SAFE, ...OWN, ...POLICIES].includes(name))).toEqual([]);
});

test("F-CACHE: a preflight allows every header that is read, and is not kept by others", async () => {
  const { status, headers } = await ask({ kind: "", path: "/v1/whoAmI", status: 204, method: "OPTIONS" }, PREFLIGHT);
  expect([status, headers.get("cache-control")]).toEqual([204, "no-store"]);
  expect(namesIn(headers.get("vary"))).toContain("origin");
  expect(namesIn(headers.get("access-control-allow-headers"))).toEqual(
    expect.arrayContaining([
      ...["authorization", "x-api-key", "x-tenant", "x-act-for", "idempotency-key", "if-match", "if-none-match"],
      ...["last-event-id", "x-request-id", "traceparent", "content-type", "content-encoding", "x-server-timeout"],
      ...["connect-protocol-version", "connect-timeout-ms", "connect-accept-encoding", "connect-content-encoding"],
      ...["grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "x-grpc-web", "x-user-agent"],
    ]),
  );
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"])
    expect(headers.get("access-control-allow-methods")?.split(", ")).toContain(method);
});

test("F-CACHE: a page may read what calls are refused with", async () => {
  const exposed = namesIn((await ask(CASES[0] as Case, ORIGIN)).headers.get("access-control-expose-headers"));
  const sent = ["etag", "location", "retry-after", "ratelimit", "ratelimit-policy", "x-request-id", "www-authenticate"];
  expect(exposed).toEqual(expect.arrayContaining([...sent, "grpc-status", "grpc-message", "grpc-status-details-bin"]));
});

test.each([{}, ORIGIN])("F-CACHE: a compressed answer to a Connect POST with %j varies by its coding", async (more) => {
  const body = JSON.stringify({ conversationId: id });
  const headers = { ...JSON_TYPE, "accept-encoding": "gzip" };
  const one = { kind: "", path: GET, status: 200, method: "POST", headers, body };
  const answer = await ask(one, more);
  expect([answer.status, answer.headers.get("content-encoding")]).toEqual([200, "gzip"]);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(namesIn(answer.headers.get("vary"))).toContain("accept-encoding");
});

test("F-CACHE: a host that is not ours, over HTTP/2, is not kept either", async () => {
  const session = connectHttp2(server.url);
  const request = session.request({ ":path": "/v1/whoAmI", ":authority": "999.999.999.999" });
  const headers = await new Promise<Readonly<Record<string, unknown>>>((resolve) => request.once("response", resolve));
  expect(headers).toMatchObject({ ":status": 400, "cache-control": "no-store" });
  session.destroy();
});
