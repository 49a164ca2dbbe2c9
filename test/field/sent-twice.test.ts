// Headers that are sent twice, and bodies in a coding that nobody takes off.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type IdentityServer, startIdentityServer } from "../support/identity-server.ts";

let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer();
});
afterAll(() => server.close());

async function statusOf(head: string, body = ""): Promise<number> {
  const { port } = new URL(server.url);
  const socket = connect(Number(port), "127.0.0.1");
  socket.write(`POST /v1/conversations HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${head}\r\n${body}`);
  let text = "";
  for await (const piece of socket) text += piece;
  return Number(text.split(" ")[1]);
}

const TWICE = ["Authorization", "X-API-Key", "X-Tenant", "X-Act-For", "Idempotency-Key"];

test.each(TWICE)("F-TWICE: %s sent twice is refused over HTTP/1.1", async (name) => {
  expect(await statusOf(`${name}: Bearer a\r\n${name.toLowerCase()}: Bearer b\r\ncontent-length: 0\r\n`)).toBe(400);
});

// Node's client sends no second Authorization.
test.each(TWICE.slice(1))("F-TWICE: %s sent twice is refused over HTTP/2", async (name) => {
  const session = connectHttp2(server.url);
  const headers = [":method", "POST", ":path", "/v1/conversations", ":scheme", "http", ":authority", "localhost"];
  const own = name.toLowerCase();
  const stream = session.request([...headers, own, "Bearer a", own, "Bearer b"] as never, { endStream: true });
  const status = await new Promise((resolve, reject) => {
    stream.once("response", (answer) => resolve(answer[":status"]));
    stream.once("error", reject);
  });
  session.destroy();
  expect(status).toBe(400);
});

test.each(["gzip, chunked", "GZIP,chunked", "deflate, chunked"])("F-CODING: %s is 501", async (coding) => {
  const head = `content-type: application/json\r\ntransfer-encoding: ${coding}\r\n`;
  expect(await statusOf(head, "2\r\n{}\r\n0\r\n\r\n")).toBe(501);
});
