// Headers that are sent twice or say nothing, and bodies in a coding that nobody takes off.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ConversationService } from "../../gen/colloquy/v1/conversation_service_pb.ts";
import { failureOf } from "../support/failure.ts";
import { type IdentityServer, startIdentityServer, WIRES } from "../support/servers/identity-server.ts";

const KEY_RULE = "idempotency-key: must be 1 to 128 visible ASCII characters";

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

/** A frame of HTTP/2 (RFC 9113 §4.1). */
function h2Frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const [HEADERS, SETTINGS] = [1, 4];
const [END_STREAM, END_HEADERS] = [1, 4];
/** Of HPACK's static table (RFC 7541, appendix A), which every status here has an entry of. */
const [STATUS_200, STATUS_400] = [0x88, 0x8c];

/** The first byte of the header block that answers these fields, each written as a literal. */
async function rawHttp2(fields: readonly (readonly [name: string, value: string])[]): Promise<number> {
  const length = (value: number) => (value < 127 ? [value] : [127, value - 127]);
  const text = (value: string) => Buffer.concat([Buffer.from(length(value.length)), Buffer.from(value)]);
  const block = Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  socket.write(h2Frame(SETTINGS, 0, 0, Buffer.alloc(0)));
  socket.write(h2Frame(HEADERS, END_STREAM | END_HEADERS, 1, block));
  let heard: Buffer = Buffer.alloc(0);
  for await (const piece of socket) {
    heard = Buffer.concat([heard, piece as Buffer]);
    for (let at = 0; at + 9 <= heard.length; ) {
      const end = at + 9 + heard.readUIntBE(at, 3);
      if (end > heard.length) break;
      if (heard[at + 3] === HEADERS) return heard[at + 9] as number;
      at = end;
    }
  }
  throw new Error("the connection ended without an answer");
}

// Node's client sends no second Authorization, so the bytes are written here.
test("F-TWICE: authorization sent twice is refused over HTTP/2, though both say the same", async () => {
  const { credential } = await (await server.tenant()).key("read");
  const own = ["authorization", credential.authorization ?? ""] as const;
  const request = [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/v1/whoAmI"],
    [":authority", "localhost"],
  ] as const;
  expect(await rawHttp2([...request, own])).toBe(STATUS_200);
  expect(await rawHttp2([...request, own, own])).toBe(STATUS_400);
  expect(await rawHttp2([...request, own, ["authorization", "Bearer b"]])).toBe(STATUS_400);
});

test("F-KEY: an idempotency key that says nothing is refused, on every wire", async () => {
  const { credential } = await (await server.tenant()).key("write");
  const headers = { ...credential, "idempotency-key": "" };
  const json = { ...headers, "content-type": "application/json" };
  const rest = await fetch(`${server.url}/v1/conversations`, { method: "POST", headers: json, body: "{}" });
  expect([rest.status, await rest.json()]).toMatchObject([400, { message: KEY_RULE }]);
  for (const wire of WIRES) {
    const { createConversation } = server.client(ConversationService, headers, wire);
    expect(await failureOf(createConversation({})), wire).toMatchObject({
      code: "InvalidArgument",
      reason: "INVALID_FIELD",
      message: KEY_RULE,
    });
  }
});

test.each(["gzip, chunked", "GZIP,chunked", "deflate, chunked"])("F-CODING: %s is 501", async (coding) => {
  const head = `content-type: application/json\r\ntransfer-encoding: ${coding}\r\n`;
  expect(await statusOf(head, "2\r\n{}\r\n0\r\n\r\n")).toBe(501);
});
