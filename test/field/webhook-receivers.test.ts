// Receivers of webhooks that misbehave on their sockets: an attempt at each ends in time, says what was wrong, and does
// no harm.
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type WebhookDelivery, WebhookOutcome } from "../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../gen/colloquy/v1/webhook_service_pb.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

type Misbehave = (socket: Socket) => void;

/** Writes a text again and again, as long as somebody reads it. */
function endlessly(socket: Socket, text: string): void {
  const more = () => {
    while (!socket.destroyed && socket.write(text));
  };
  socket.on("drain", more);
  more();
}

/** Writes a text byte by byte, and ever more of its last one. */
function slowly(socket: Socket, text: string): void {
  let place = 0;
  const timer = setInterval(() => socket.write(text[Math.min(place++, text.length - 1)] as string), 20);
  socket.once("close", () => clearInterval(timer));
}

const whole = (status: string, ...lines: string[]) => `HTTP/1.1 ${status}\r\n${lines.join("\r\n")}\r\n\r\n`;
const BOMB = gzipSync(Buffer.alloc(10 << 20));
const HEADER = `x-header: ${"x".repeat(1_000)}\r\n`;

const TIMED_OUT = { outcome: WebhookOutcome.TIMED_OUT, status: 0, error: "the endpoint did not answer within 1 s" };
const broken = (error: string) => ({ outcome: WebhookOutcome.UNREACHABLE, status: 0, error: `the endpoint ${error}` });
const TOO_MUCH = broken("answered with too much before a status");
const NOT_HTTP = broken("answered with what is not HTTP");
const taken = (status = 200) => ({ outcome: WebhookOutcome.SUCCEEDED, status, error: "" });
const refused = (status: number) => ({ outcome: WebhookOutcome.REFUSED, status });

const CASES: Readonly<Record<string, readonly [Misbehave, object, scheme?: "https"]>> = {
  "says nothing": [() => {}, TIMED_OUT],
  "says nothing when TLS begins": [() => {}, TIMED_OUT, "https"],
  "speaks no TLS": [(socket) => socket.write(whole("200 OK")), broken("does not speak TLS"), "https"],
  "writes its status line byte by byte": [(socket) => slowly(socket, "HTTP/1.1 200 OOOO"), TIMED_OUT],
  "writes its headers byte by byte": [(socket) => slowly(socket, "HTTP/1.1 200 OK\r\nx-header: x"), TIMED_OUT],
  "writes headers without end": [
    (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      endlessly(socket, HEADER);
    },
    broken("answered with too many headers"),
  ],
  "writes a status line without end": [
    (socket) => {
      socket.write("HTTP/1.1 200 ");
      endlessly(socket, "O".repeat(1_000));
    },
    TOO_MUCH,
  ],
  "writes empty lines without end": [(socket) => endlessly(socket, "\r\n".repeat(500)), TOO_MUCH],
  "writes a chunk's size without end": [
    (socket) => {
      socket.write(`${whole("200 OK", "transfer-encoding: chunked")}1;`);
      endlessly(socket, "x".repeat(1_000));
    },
    taken(),
  ],
  "goes on for ever with 103": [(socket) => endlessly(socket, whole("103 Early Hints", "link: </x>")), TOO_MUCH],
  "goes on for ever with 100": [(socket) => endlessly(socket, whole("100 Continue")), TOO_MUCH],
  "says 100 before it answers": [(socket) => socket.write(whole("100 Continue") + whole("204 No Content")), taken(204)],
  "says 103 before it answers": [
    (socket) => socket.write(whole("103 Early Hints", "link: </x>") + whole("204 No Content")),
    taken(204),
  ],
  "changes the protocol": [
    (socket) => socket.write(whole("101 Switching Protocols", "upgrade: x", "connection: upgrade")),
    { outcome: WebhookOutcome.UNREACHABLE, status: 0 },
  ],
  "answers with a gzip bomb": [
    (socket) => {
      socket.write(whole("200 OK", "content-encoding: gzip", `content-length: ${BOMB.length}`));
      socket.write(BOMB);
    },
    taken(),
  ],
  "answers as HTTP/0.9 did": [(socket) => socket.end("<html>hello</html>"), NOT_HTTP],
  "answers with another protocol": [(socket) => socket.end("220 mail.example.com ESMTP\r\n"), NOT_HTTP],
  "answers with a status of four digits": [(socket) => socket.end(whole("2000 OK", "content-length: 0")), NOT_HTTP],
  "answers with a status that nobody knows": [
    (socket) => socket.write(whole("299 Odd", "content-length: 0")),
    taken(299),
  ],
  "answers with 999": [(socket) => socket.write(whole("999 Odd", "content-length: 0")), refused(999)],
  "closes without an answer": [(socket) => socket.end(), broken("broke the connection")],
  resets: [(socket) => socket.resetAndDestroy(), broken("broke the connection")],
  "closes within its headers": [(socket) => socket.end("HTTP/1.1 200 OK\r\nx"), broken("broke the connection")],
  "closes within its body": [(socket) => socket.end(`${whole("200 OK", "content-length: 100")}x`), taken()],
  "gives two lengths": [
    (socket) => socket.end(`${whole("200 OK", "content-length: 1", "content-length: 2")}xx`),
    NOT_HTTP,
  ],
  "breaks its chunks": [(socket) => socket.end(`${whole("200 OK", "transfer-encoding: chunked")}zz\r\n`), taken()],
  "answers twice": [(socket) => socket.write(whole("200 OK", "content-length: 0").repeat(2)), taken()],
  "answers before it has read the request": [
    (socket) => {
      socket.pause();
      socket.end(whole("500 Odd", "content-length: 0", "connection: close"));
    },
    refused(500),
  ],
};

let server: IdentityServer;
let hooks: ReturnType<typeof server.client<typeof WebhookService>>;
const servers: Server[] = [];
const sockets = new Set<Socket>();
/** How many bytes a receiver could write. */
const written = new Map<string, () => number>();
const deliveries = new Map<string, WebhookDelivery | undefined>();

async function listen(name: string, misbehave: Misbehave): Promise<number> {
  const own: Socket[] = [];
  written.set(name, () => own.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0));
  const listening = createServer((socket) => {
    sockets.add(socket);
    own.push(socket);
    socket.on("error", () => {});
    // What comes is read and forgotten.
    socket.once("data", () => misbehave(socket));
  });
  servers.push(listening);
  await once(listening.listen(0, "127.0.0.1"), "listening");
  return (listening.address() as { port: number }).port;
}

/** @param seconds how long an attempt may take: little only where it is all used, for other answers may be late */
async function register(value: string, seconds: bigint): Promise<string> {
  const { endpoint } = await hooks.createWebhookEndpoint({
    endpoint: { target: { case: "url", value }, timeout: { seconds } },
  });
  return endpoint?.id ?? "";
}

// All at the same time: most of them take their second.
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_WEBHOOK_PRIVATE: "yes" } });
  const tenant = await server.tenant();
  hooks = server.client(WebhookService, (await tenant.key("read", "write", "admin")).credential);
  await Promise.all(
    Object.entries(CASES).map(async ([name, [misbehave, expected, scheme = "http"]]) => {
      const seconds = expected === TIMED_OUT ? 1n : 30n;
      const endpointId = await register(`${scheme}://127.0.0.1:${await listen(name, misbehave)}/`, seconds);
      deliveries.set(name, (await hooks.testWebhookEndpoint({ endpointId })).delivery);
    }),
  );
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const one of servers) one.close();
  await server.close();
});

describe("F-HOOK-RECEIVER, F-UNASKED-100: a receiver that", () => {
  test.each(Object.keys(CASES))("%s", (name) => {
    expect(deliveries.get(name)).toMatchObject(CASES[name]?.[1] ?? {});
  });
});

test("F-HOOK-RECEIVER: what is written without end is read up to a quarter of a mebibyte, and what the kernel holds", () => {
  const sent = Object.keys(CASES).filter((name) => name.includes("without end") || name.includes("for ever"));
  expect(sent.length).toBe(6);
  // A receiver that is read for its second gets rid of tens of megabytes.
  for (const name of sent) expect([name, written.get(name)?.()]).toEqual([name, expect.toSatisfy((n) => n < 16 << 20)]);
});

test("F-HOOK-RECEIVER: of a packed answer the beginning is kept as it came", () => {
  expect(deliveries.get("answers with a gzip bomb")?.responseBody.length).toBeLessThanOrEqual(4_096);
});
