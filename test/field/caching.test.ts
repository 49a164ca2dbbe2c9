// F-CACHE, A14: who may keep an answer, and what it varies by. F-ETAG: tags that a proxy made weak. F-HEALTH: load
// balancers' checks.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { speak } from "../support/calls/sockets.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

const ORIGIN = "http://localhost:5173";
const json = { "content-type": "application/json" };
const RPC = "/colloquy.v1.AccessService/WhoAmI";

test.each([
  ["GET", "/v1/whoAmI", {}, /^private, no-cache$/],
  ["GET", "/v1/conversations", {}, /^private, no-cache$/],
  ["GET", "/v1/conversations/none", {}, /^private, no-cache$/],
  ["POST", RPC, json, /^no-store$/],
  ["POST", RPC, { ...json, authorization: "Bearer bad" }, /^no-store$/],
  ["POST", RPC, { "content-type": "application/grpc-web+proto" }, /^no-store$/],
  ["GET", "/readyz", {}, /^no-store$/],
  ["GET", "/metrics", {}, /^no-store$/],
  ["GET", "/openapi.json", {}, /^no-cache$/],
  ["GET", "/.well-known/jwks.json", {}, /^public, max-age=600$/],
] as const)("A14: %s %s with %j says who may keep it, and varies by origin", async (method, path, headers, kept) => {
  const all = { ...key, origin: ORIGIN, "accept-encoding": "gzip", ...headers };
  const response = await fetch(server.url + path, { method, headers: all, ...(method === "POST" && { body: "{}" }) });
  expect(response.headers.get("cache-control")).toMatch(kept);
  const vary = (response.headers.get("vary") ?? "").toLowerCase().split(/, */);
  expect(vary).toContain("origin");
  if (response.headers.has("content-encoding") && !path.startsWith("/colloquy."))
    expect(vary).toContain("accept-encoding");
});

test("F-CACHE: the published keys have a tag, and are not sent again to who has them", async () => {
  const path = `${server.url}/.well-known/jwks.json`;
  const first = await fetch(path);
  expect((await first.json()) as object).toMatchObject({ keys: [{ kty: expect.any(String) }] });
  const etag = first.headers.get("etag") ?? "";
  for (const [tags, status] of [
    [etag, 304],
    [`W/${etag}`, 304],
    [`"a", ${etag}`, 304],
    ["*", 304],
    ['"a"', 200],
  ] as const) {
    const again = await fetch(path, { headers: { "if-none-match": tags } });
    expect([tags, again.status, again.headers.get("etag")]).toEqual([tags, status, etag]);
  }
});

test("F-CACHE: the root leads a browser to the documents", async () => {
  for (const method of ["GET", "HEAD"]) {
    const answer = await fetch(`${server.url}/`, { method, redirect: "manual" });
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/docs"]);
  }
  expect((await fetch(`${server.url}/`, { method: "POST", headers: json, body: "{}" })).status).toBe(404);
});

test("F-CACHE: a preflight allows every header that is read", async () => {
  const asked = {
    origin: ORIGIN,
    "access-control-request-method": "POST",
    "access-control-request-headers": "x-tenant",
  };
  const response = await fetch(`${server.url}/v1/whoAmI`, { method: "OPTIONS", headers: asked });
  const allowed = (response.headers.get("access-control-allow-headers") ?? "").toLowerCase().split(", ");
  for (const name of [
    "x-tenant",
    "x-act-for",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-api-key",
    "authorization",
  ])
    expect(allowed).toContain(name);
  for (const name of [
    "connect-timeout-ms",
    "connect-content-encoding",
    "grpc-timeout",
    "grpc-encoding",
    "x-server-timeout",
  ])
    expect(allowed).toContain(name);
});

test("F-ETAG: a weak tag of the version that there is lets a PATCH happen, another does not", async () => {
  const headers = { ...key, ...json };
  const made = await fetch(`${server.url}/v1/conversations`, { method: "POST", headers, body: '{"conversation":{}}' });
  const { id } = (await made.json()) as { id: string };
  const patch = async (tag: string | null) =>
    (
      await fetch(`${server.url}/v1/conversations/${id}`, {
        method: "PATCH",
        headers: { ...headers, "if-match": `W/${tag}` },
        body: '{"title":"n"}',
      })
    ).status;
  const tag = made.headers.get("etag");
  expect([await patch(tag), await patch(tag)]).toEqual([200, 412]);
});

test.each([
  ["HAProxy's httpchk", "OPTIONS / HTTP/1.0\r\n\r\n"],
  ["HAProxy's httpchk of a path", "GET /readyz HTTP/1.0\r\n\r\n"],
  [
    "AWS's target group",
    "GET /readyz HTTP/1.1\r\nHost: 10.0.0.7:8080\r\nUser-Agent: ELB-HealthChecker/2.0\r\nConnection: close\r\n\r\n",
  ],
  ["HEAD", "HEAD /healthz HTTP/1.0\r\n\r\n"],
  ["the absolute form", "GET http://10.0.0.7/readyz HTTP/1.1\r\nHost: 10.0.0.7\r\n\r\n"],
  ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"],
  ["an empty Host", "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n"],
  ["a Host without a name", "GET /healthz HTTP/1.1\r\nHost: :8080\r\n\r\n"],
  ["a Host with an underscore", "GET /healthz HTTP/1.1\r\nHost: a_b\r\n\r\n"],
])("F-HEALTH: %s is 200", async (_, request) => {
  expect((await speak(Number(new URL(server.url).port), [request])).statuses).toEqual([200]);
});

describe("a page of messages over REST", () => {
  const send = (who: Credential, id: string, content: string) =>
    fetch(`${server.url}/v1/conversations/${id}/messages`, {
      method: "POST",
      headers: { ...who, ...json },
      body: JSON.stringify({ content }),
    });

  async function scene() {
    const tenant = await server.tenant();
    const [ann, bob] = [await tenant.token("ann", "admin"), await tenant.token("bob", "admin")];
    const made = await fetch(`${server.url}/v1/conversations`, {
      method: "POST",
      headers: { ...ann, ...json },
      body: "{}",
    });
    const { id } = (await made.json()) as { id: string };
    for (let n = 0; n < 3; n++) await send(ann, id, `message ${n} ${"words ".repeat(200)}`);
    const path = `/v1/conversations/${id}/messages`;
    const read = (tag: string, who = ann, query = "", headers: Record<string, string> = {}) =>
      fetch(server.url + path + query, { headers: { ...who, ...headers, ...(tag && { "if-none-match": tag }) } });
    const first = await read("");
    const { messages } = (await first.json()) as { messages: { id: string }[] };
    return { ann, bob, id, read, first, tag: first.headers.get("etag") ?? "", messageId: messages[0]?.id ?? "" };
  }

  test("F-CACHE: is not sent again to who has it, with the headers that it had", async () => {
    const { read, first, tag } = await scene();
    expect(tag).toMatch(/^W\/"/);
    const names = ["etag", "vary", "cache-control"];
    for (const headers of [{}, { "accept-encoding": "gzip" }, { "accept-encoding": "identity" }]) {
      const again = await read(tag, undefined, "", headers);
      expect([again.status, await again.text()]).toEqual([304, ""]);
      expect(names.map((name) => again.headers.get(name))).toEqual(names.map((name) => first.headers.get(name)));
    }
    expect(first.headers.get("vary")).toMatch(/accept-encoding/i);
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
  });

  test.each([
    ["made strong", (tag: string) => tag.slice(2)],
    ["with Apache's suffix", (tag: string) => tag.replace(/"$/, '-gzip"')],
    ["with Jetty's suffix", (tag: string) => tag.replace(/"$/, '--gzip"')],
    ["among others", (tag: string) => `"a", ${tag}`],
  ])("F-ETAG: a tag that came %s is known", async (_, changed) => {
    const { read, tag } = await scene();
    expect((await read(changed(tag))).status).toBe(304);
  });

  test("F-ETAG: a tag that is not this page's is not known, whatever its suffix", async () => {
    const { read, tag } = await scene();
    const other = tag.replace(/.(?=.?"$)/, (letter) => (letter === "A" ? "B" : "A"));
    for (const one of [other, other.replace(/"$/, ';gzip"'), other.replace(/"$/, '--gzip"'), '"-gzip"'])
      expect((await read(one)).status).toBe(200);
    expect((await read(tag, undefined, "?page_size=2")).status).toBe(200);
  });

  test("F-CACHE: is sent anew after each change, and to another caller", async () => {
    const { ann, bob, id, read, tag, messageId } = await scene();
    expect((await read(tag, bob)).status).toBe(200);
    const url = `${server.url}/v1/messages/${messageId}`;
    const headers = { ...bob, ...json };
    const changes = [
      () => send(bob, id, "one more"),
      () => fetch(url, { method: "PATCH", headers, body: '{"content":"edited"}' }),
      () => fetch(`${url}/reactions`, { method: "POST", headers, body: '{"reaction":"👍"}' }),
      () => fetch(url, { method: "DELETE", headers }),
    ];
    let known = tag;
    for (const change of changes) {
      expect((await change()).status).toBeLessThan(300);
      const page = await read(known, ann);
      expect(page.status).toBe(200);
      known = page.headers.get("etag") ?? "";
      expect((await read(known, ann)).status).toBe(304);
    }
  });

  test("F-CACHE: who lost its access gets nothing, and what was edited meanwhile once it has it again", async () => {
    const { ann, id, read, tag, messageId } = await scene();
    const url = `${server.url}/v1/conversations/${id}`;
    await fetch(`${server.url}/v1/messages/${messageId}`, {
      method: "PATCH",
      headers: { ...ann, ...json },
      body: '{"content":"edited"}',
    });
    await fetch(url, { method: "DELETE", headers: ann });
    expect((await read(tag)).status).toBe(404);
    expect((await fetch(`${url}:restore`, { method: "POST", headers: { ...ann, ...json }, body: "{}" })).status).toBe(
      200,
    );
    const page = await read(tag);
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("edited")]);
  });
});
