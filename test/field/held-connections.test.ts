// Connections of a process that stood still while their next bytes came: what is in time is read before it is judged.
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { standStill } from "../support/measure/starvation.ts";
import { type EchoServer, startEchoServer } from "../support/servers/echo-server.ts";
import { type Certificate, makeCertificate } from "../support/services/certificate.ts";

const KEEP_ALIVE_MS = 20;
/** Node adds a second to what it tells clients. */
const HELD_MS = KEEP_ALIVE_MS + 1_100;
const REQUEST = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

const limits = { keepAliveTimeoutMs: KEEP_ALIVE_MS, headersTimeoutMs: 400, http2IdleTimeoutMs: 300 };
let plain: EchoServer;
let secure: EchoServer;
let certificate: Certificate;
beforeAll(async () => {
  plain = await startEchoServer({ limits });
  certificate = makeCertificate();
  secure = await startEchoServer({ limits, tls: certificate });
});
afterAll(async () => {
  await Promise.all([plain.close(), secure.close()]);
  certificate.remove();
});

class Line {
  readonly #socket: Socket;
  readonly closed: Promise<void>;
  text = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
    });
    socket.on("error", (error) => {
      this.text += String(error);
    });
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  write(text: string): void {
    this.#socket.write(text, "latin1");
  }
  get answers(): number {
    return this.text.split("HTTP/1.1 200 OK").length - 1;
  }
  close(): void {
    this.#socket.destroy();
  }
}

/** Gives the bytes to the system, then holds the thread, server and all, past every limit. */
function heldAfter(write: () => void, ms: number): Promise<void> {
  return new Promise((resolve) => {
    // Of a turn of the loop, this comes after what was to be read, and before the timers.
    setImmediate(() => {
      write();
      standStill(ms);
      resolve();
    });
  });
}

const OPEN = [
  ["HTTP/1.1", () => connect(plain.port, "127.0.0.1")],
  ["HTTP/1.1 under TLS", () => connectTls({ port: secure.port, host: "127.0.0.1", rejectUnauthorized: false })],
] as const;

describe.each(OPEN)("F-OWN-WORK: a kept connection of %s", (_, open) => {
  test.each([
    ["a whole request", [REQUEST]],
    ["two", [REQUEST + REQUEST]],
    ["the first part of one, the rest of it later", [REQUEST.slice(0, 9), REQUEST.slice(9)]],
  ])("answers %s that came before its time was up, but was not read yet", async (_, [first = "", ...rest]) => {
    const line = new Line(open());
    line.write(REQUEST);
    await expect.poll(() => line.answers).toBe(1);
    await heldAfter(() => line.write(first), HELD_MS);
    for (const part of rest) line.write(part);
    const asked = [first, ...rest].join("").split("GET").length - 1;
    await expect.poll(() => line.answers).toBe(1 + asked);
    line.close();
  });

  test("is still closed when nothing came, and when nothing comes any more", async () => {
    const [silent, late] = [new Line(open()), new Line(open())];
    for (const line of [silent, late]) line.write(REQUEST);
    await expect.poll(() => silent.answers + late.answers).toBe(2);
    await heldAfter(() => late.write(REQUEST), HELD_MS);
    await silent.closed;
    expect(silent.answers).toBe(1);
    await late.closed;
    expect(late.answers).toBe(2);
  });
});

test("F-OWN-WORK: the first bytes of a connection are read before their time is up", async () => {
  const fresh = new Line(connect(plain.port, "127.0.0.1"));
  // What may still become HTTP/2.
  fresh.write("P");
  const next = new Line(connect(plain.port, "127.0.0.1"));
  next.write(REQUEST);
  await expect.poll(() => next.answers).toBe(1);
  await heldAfter(() => fresh.write(REQUEST.replace("GET", "OST")), limits.headersTimeoutMs + 100);
  await expect.poll(() => fresh.text).toMatch(/^HTTP\/1.1 \d{3} /);
  for (const line of [fresh, next]) line.close();
});

test("F-OWN-WORK: an idle HTTP/2 connection takes the call that came before its time was up", async () => {
  const session = connectHttp2(plain.url);
  const ask = () =>
    new Promise<unknown>((resolve, reject) => {
      const stream = session.request({ ":path": "/healthz" });
      stream.on("response", (headers) => resolve(headers[":status"]));
      stream.on("error", reject);
      stream.resume();
    });
  let goaway = false;
  session.on("goaway", () => {
    goaway = true;
  });
  expect(await ask()).toBe(200);
  let answer: Promise<unknown> | undefined;
  await heldAfter(() => {
    answer = ask();
  }, limits.http2IdleTimeoutMs + 100);
  expect(await answer).toBe(200);
  await expect.poll(() => goaway).toBe(true);
  session.close();
});
