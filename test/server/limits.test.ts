// The limits of the sockets: what is slow, silent or too much is ended, and says nothing about the others.
import type { ServerResponse } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import type { HttpHandler } from "../../src/protocols/http/request.ts";
import { answer } from "../../src/protocols/http/response.ts";
import { DEFAULT_LIMITS } from "../../src/server/limits.ts";
import { ask, openHttp2, speak } from "../support/calls/sockets.ts";
import { usedMemory } from "../support/measure/memory.ts";
import { ECHO, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

const HEAD = `host: x\r\ncontent-type: application/json\r\nauthorization: Bearer ${TOKEN}\r\n`;
const HEADERS = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
const REPEAT = "/colloquy.test.v1.EchoService/Repeat";

it("answers a body that comes a byte at a time with 504, and goes on", async () => {
  const server = await startEchoServer({ limits: { bodyTimeoutMs: 150 } });
  const socket = connect(server.port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.write(`POST ${ECHO} HTTP/1.1\r\n${HEAD}content-length: 1000\r\n\r\n`);
  const drip = setInterval(() => socket.write(" "), 20);
  await expect.poll(() => text, { timeout: 5_000 }).toContain("504 Gateway Timeout");
  expect(text).toContain('"code":"deadline_exceeded"');
  clearInterval(drip);
  socket.destroy();
  expect((await server.logged(({ method }) => method === ECHO)).reason).toBe("DEADLINE_EXCEEDED");
  await server.close();
});

it("closes a connection whose headers come a byte at a time", async () => {
  const server = await startEchoServer({ limits: { headersTimeoutMs: 200 } });
  const socket = connect(server.port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString()));
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const drip = setInterval(() => socket.write("a"), 20);
  socket.write("GET / HTTP/1.1\r\nx: ");
  await closed;
  clearInterval(drip);
  expect(text).toContain("408 Request Timeout");
  await server.close();
});

it("F-HEAD: answers headers over the limit with 431", async () => {
  const server = await startEchoServer({ limits: { maxHeaderBytes: 2_000 } });
  const big = "a".repeat(3_000);
  expect((await speak(server.port, [`GET / HTTP/1.1\r\nhost: x\r\nx: ${big}\r\n\r\n`])).statuses).toEqual([431]);
  const session = openHttp2(server.url);
  expect((await ask(session, { ":path": "/", ":authority": "x", "x-big": big })).status).toBe(431);
  session.destroy();
  await server.close();
});

it.each([3_000, 3_000_000])(
  "says over HTTP/1.1 what is wrong with %i bytes of headers, or with what is no request",
  async (size) => {
    const server = await startEchoServer({ limits: { maxHeaderBytes: 2_000 } });
    const refusal = (head: string) =>
      new Promise<string>((resolve, reject) => {
        let heard = "";
        const socket = connect(server.port, "127.0.0.1", () => socket.write(head));
        socket.on("data", (chunk) => (heard += chunk)).on("end", () => resolve(heard));
        socket.on("error", reject);
      });
    const plain = (status: string, words: string) =>
      [
        `HTTP/1.1 ${status}`,
        "Connection: close",
        "Content-Type: text/plain; charset=utf-8",
        "Cache-Control: no-store",
        `Content-Length: ${words.length + 1}`,
        "",
        `${words}\n`,
      ].join("\r\n");
    expect(await refusal(`GET / HTTP/1.1\r\nhost: x\r\nx: ${"a".repeat(size)}\r\n\r\n`)).toBe(
      plain("431 Request Header Fields Too Large", "the headers are too large"),
    );
    expect(await refusal(`GET / HTTP/1.1\r\nhost : x\r\n${"a".repeat(size)}`)).toBe(
      plain("400 Bad Request", "the request is malformed"),
    );
    await server.close();
  },
);

it("refuses connections past the limit, and takes them again later", async () => {
  const server = await startEchoServer({ limits: { maxConnections: 1 } });
  const first = connect(server.port, "127.0.0.1");
  await new Promise((resolve) => first.once("connect", resolve));
  expect((await speak(server.port, ["GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"])).statuses).toEqual([]);
  first.destroy();
  await expect
    .poll(
      async () =>
        (await speak(server.port, ["GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"])).statuses,
    )
    .toEqual([200]);
  await server.close();
});

it("closes its side of an HTTP/2 connection as soon as the peer has closed the other", async () => {
  const server = await startEchoServer();
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  const greeting = new Promise((resolve) => socket.once("data", resolve));
  // The preface and an empty SETTINGS frame.
  socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
  await greeting;
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.end();
  await closed;
  await server.close();
});

it("lets go of an HTTP/2 connection that is idle, but not of one with a call", async () => {
  const server = await startEchoServer({ limits: { http2IdleTimeoutMs: 100 } });
  const busy = openHttp2(server.url);
  const stream = busy.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Watch",
    "content-type": "application/grpc",
  });
  stream.on("error", () => {});
  stream.end(Buffer.alloc(5));
  await new Promise((resolve) => stream.once("data", resolve));
  const idle = connectHttp2(server.url);
  await new Promise<void>((resolve) => idle.once("close", () => resolve()));
  expect(busy.closed || stream.closed).toBe(false);
  busy.destroy();
  await server.close();
});

describe("a client that does not read", () => {
  it("is refused further calls on its HTTP/2 connection, and on no other", async () => {
    const server = await startEchoServer({ limits: { maxUnreadBytes: 200_000 } });
    const body = Buffer.from(JSON.stringify({ text: "x".repeat(50_000) }));
    const call = { ":method": "POST", ":path": ECHO, ...HEADERS };
    const shut = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
    shut.on("error", () => {});
    let refused = 0;
    for (let calls = 0; refused === 0 && calls < 40; calls++) {
      const request = shut.request(call);
      request.on("error", () => {});
      request.end(body);
      // The headers of an answer come through a window that is shut.
      await new Promise<void>((resolve) => {
        request.once("response", () => resolve());
        request.once("close", () => resolve());
      });
      refused = request.rstCode;
    }
    // RFC 9113 §7: REFUSED_STREAM.
    expect(refused).toBe(7);
    const open = connectHttp2(server.url);
    expect(await ask(open, call, body)).toMatchObject({ status: 200 });
    open.destroy();
    shut.destroy();
    await server.close();
  });

  it("may leave as much unread as is promised, which is more than Node's own limit of a session", async () => {
    const server = await startEchoServer({ limits: { maxConcurrentStreams: 400 } });
    const LENGTH = 60_000;
    const body = Buffer.from(JSON.stringify({ text: "x".repeat(LENGTH) }));
    const shut = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
    shut.on("error", () => {});
    let answered = 0;
    let refused = 0;
    while (refused === 0 && answered < 400) {
      const request = shut.request({ ":method": "POST", ":path": ECHO, ...HEADERS });
      request.on("error", () => {});
      request.end(body);
      await new Promise<void>((resolve) => {
        request.once("response", () => resolve());
        request.once("close", () => resolve());
      });
      refused = request.rstCode;
      if (refused === 0) answered++;
    }
    // RFC 9113 §7: REFUSED_STREAM, so that it may be tried again.
    expect(refused).toBe(7);
    expect(answered * LENGTH).toBeGreaterThan(0.95 * DEFAULT_LIMITS.maxUnreadBytes);
    shut.destroy();
    await server.close();
  });

  it("loses its streams over HTTP/2, whichever way their answers went", async () => {
    const server = await startEchoServer({ limits: { stallTimeoutMs: 300 } });
    const body = Buffer.from(JSON.stringify({ text: "x".repeat(50_000) }));
    const session = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
    session.on("error", () => {});
    // Calls with an origin go by way of Connect's own handlers.
    for (const more of [{}, { origin: "http://localhost" }]) {
      const request = session.request({ ":method": "POST", ":path": ECHO, ...HEADERS, ...more });
      request.on("error", () => {});
      request.end(body);
      await new Promise<void>((resolve) => request.once("close", () => resolve()));
      // RFC 9113 §7: CANCEL.
      expect(request.rstCode).toBe(8);
    }
    expect(session.destroyed).toBe(false);
    session.destroy();
    await server.close();
  });

  it("loses an answer of any handler, over HTTP/1.1 and HTTP/2", async () => {
    const closed: unknown[] = [];
    const large: HttpHandler = (request, response) => {
      if (request.url !== "/large") return false;
      (response as ServerResponse).once("close", () => closed.push(request.httpVersion));
      // More than the system takes of it by itself.
      answer(response, 200, {}, Buffer.alloc(32 << 20));
      return true;
    };
    const server = await startEchoServer({ handlers: [large], limits: { stallTimeoutMs: 300 } });
    const socket = connect(server.port, "127.0.0.1").pause();
    socket.on("error", () => {});
    socket.write("GET /large HTTP/1.1\r\nhost: x\r\n\r\n");
    await expect.poll(() => closed, { timeout: 5_000 }).toEqual(["1.1"]);
    socket.destroy();
    const session = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
    session.request({ ":path": "/large" }).on("error", () => {});
    await expect.poll(() => closed, { timeout: 5_000 }).toEqual(["1.1", "2.0"]);
    session.destroy();
    await server.close();
  });

  it("is closed when all together leave too much unread, those who leave the most first", async () => {
    const server = await startEchoServer({ limits: { maxUnreadTotalBytes: 400_000 } });
    const call = { ":method": "POST", ":path": ECHO, ...HEADERS };
    const body = (length: number) => Buffer.from(JSON.stringify({ text: "x".repeat(length) }));
    const shut = { settings: { initialWindowSize: 0 } };
    const [modest, greedy] = [connectHttp2(server.url, shut), connectHttp2(server.url, shut)];
    modest.on("error", () => {});
    greedy.on("error", () => {});
    const waiting = modest.request(call).end(body(50_000));
    await new Promise((resolve) => waiting.once("response", resolve));
    const gone = new Promise((resolve) => greedy.once("close", resolve));
    const code = new Promise((resolve) => greedy.once("goaway", resolve));
    for (let i = 0; i < 10; i++)
      greedy
        .request(call)
        .on("error", () => {})
        .end(body(50_000));
    // RFC 9113 §7: ENHANCE_YOUR_CALM.
    expect(await code).toBe(11);
    await gone;
    expect(await server.logged(({ connections }) => connections !== undefined)).toMatchObject({ connections: 1 });
    let text = "";
    waiting.on("data", (chunk) => (text += chunk.toString()));
    modest.settings({ initialWindowSize: 100_000 });
    await new Promise((resolve) => waiting.once("end", resolve));
    expect(JSON.parse(text)).toMatchObject({ text: "x".repeat(50_000) });
    modest.destroy();
    await server.close();
  });

  it("costs as much memory as its answers are long, and none once it is gone", async () => {
    const server = await startEchoServer();
    const LENGTH = 60_000;
    const CALLS = 60;
    const body = Buffer.from(JSON.stringify({ text: "x".repeat(LENGTH) }));
    const session = connectHttp2(server.url, { settings: { initialWindowSize: 0 } });
    session.on("error", () => {});
    const before = (await usedMemory()).arrayBuffers;
    const taken = async () => (await usedMemory()).arrayBuffers - before;
    for (let i = 0; i < CALLS; i++) {
      const request = session.request({ ":method": "POST", ":path": ECHO, ...HEADERS });
      request.on("error", () => {});
      request.end(body);
      await new Promise((resolve) => request.once("response", resolve));
    }
    await expect.poll(taken).toBeLessThan(1.5 * CALLS * LENGTH);
    expect(await taken()).toBeGreaterThan(0.9 * CALLS * LENGTH);
    session.destroy();
    await expect.poll(taken, { timeout: 5_000 }).toBeLessThan(0.2 * CALLS * LENGTH);
    await server.close();
  });

  it("holds back the service instead of filling memory, and is let go", async () => {
    const server = await startEchoServer({ limits: { stallTimeoutMs: 300 } });
    const before = process.memoryUsage().rss;
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => {});
    const message = Buffer.from(JSON.stringify({ text: "x".repeat(60_000), times: 100_000 }));
    const frame = Buffer.alloc(5);
    frame.writeUInt32BE(message.length, 1);
    const head = HEAD.replace("application/json", "application/connect+json");
    socket.pause();
    socket.write(`POST ${REPEAT} HTTP/1.1\r\n${head}content-length: ${message.length + 5}\r\n\r\n`);
    socket.write(Buffer.concat([frame, message]));
    // All of it would be 6 GB.
    const line = await server.logged(({ method }) => method === REPEAT);
    expect(line).toMatchObject({ code: "canceled", reason: "CANCELLED" });
    expect(process.memoryUsage().rss - before).toBeLessThan(500_000_000);
    socket.destroy();
    await server.close();
  });
});

it("allows so many calls at one time on an HTTP/2 connection", async () => {
  const server = await startEchoServer({ limits: { maxConcurrentStreams: 2 } });
  const session = connectHttp2(server.url);
  const settings = await new Promise<{ maxConcurrentStreams?: number }>((resolve) =>
    session.once("remoteSettings", resolve),
  );
  expect(settings.maxConcurrentStreams).toBe(2);
  session.destroy();
  await server.close();
});
