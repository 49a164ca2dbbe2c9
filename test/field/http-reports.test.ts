// F-CACHE, F-HEALTH: what people reported of other servers' media types, HEAD and 304, tried on this one.
import { afterAll, beforeAll, expect, test } from "vitest";
import { speak } from "../support/calls/sockets.ts";
import { type Credential, type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

let server: IdentityServer;
let key: Credential;
beforeAll(async () => {
  server = await startIdentityServer();
  key = (await (await server.tenant()).key("read", "write", "admin")).credential;
});
afterAll(() => server.close());

test.each([
  ["application/json; charset=utf-8", 201],
  ["application/json;charset=UTF-8", 201],
  ['Application/JSON; charset="utf-8"', 201],
  ["application/json; charset=utf-8; charset=UTF-8", 201],
  ["application/json; charset=latin1", 415],
  ["application/json; charset=utf-8; charset=utf-16", 415],
  ["application/json; charset=utf-16; charset=utf-8", 415],
  ['application/json; charset="utf 16"', 415],
  ["application/json; charset=", 415],
  ["application/x-www-form-urlencoded", 415],
  ["application/merge-patch+json", 415],
])("F-CACHE: a body of %s is %i", async (type, status) => {
  const headers = { ...key, "content-type": type };
  const init = { method: "POST", headers, body: '{"conversation":{}}' };
  expect((await fetch(`${server.url}/v1/conversations`, init)).status).toBe(status);
});

test.each(["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs", "/v1/whoAmI"])(
  "F-HEALTH: HEAD %s is as GET, without the body",
  async (path) => {
    const [get, head] = [
      await fetch(server.url + path, { headers: key }),
      await fetch(server.url + path, { headers: key, method: "HEAD" }),
    ];
    expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([
      get.status,
      get.headers.get("content-type"),
      "",
    ]);
  },
);

test.each(["/v1/conversations/ID", "/openapi.json"])("F-CACHE: a 304 of %s lets a page read it", async (path) => {
  const headers = { ...key, "content-type": "application/json" };
  const made = await fetch(`${server.url}/v1/conversations`, { method: "POST", headers, body: '{"conversation":{}}' });
  const { id } = (await made.json()) as { id: string };
  const origin = "http://localhost:5173";
  const answer = await fetch(server.url + path.replace("ID", id), {
    headers: { ...key, origin, "if-none-match": "*", "cache-control": "no-cache" },
  });
  expect([answer.status, answer.headers.get("etag") === null]).toEqual([304, false]);
  expect([origin, "*"]).toContain(answer.headers.get("access-control-allow-origin"));
});

// prism#1745, yoke#133, body-parser#12: browsers and proxies say of no body that it is JSON of 0 bytes.
test.each(["GET", "DELETE"])("F-SIZES: a %s that names a media type and a length of 0 has no body", async (method) => {
  const headers = { ...key, "content-type": "application/json" };
  const made = await fetch(`${server.url}/v1/conversations`, { method: "POST", headers, body: '{"conversation":{}}' });
  const { id } = (await made.json()) as { id: string };
  const head = `${method} /v1/conversations/${id} HTTP/1.1\r\nhost: localhost\r\nauthorization: ${key.authorization}\r\n`;
  const { statuses } = await speak(Number(new URL(server.url).port), [
    `${head}content-type: application/json\r\ncontent-length: 0\r\n\r\n`,
  ]);
  expect(statuses).toEqual([200]);
});
