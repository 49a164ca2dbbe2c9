import { EventEmitter, once } from "node:events";
import { connect, createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { keepSessions } from "../../../src/server/connections/http2-sessions.ts";
import { collectEverything } from "../../../src/server/release-heap.ts";

async function startServer(idleTimeoutMs: number) {
  const server = createServer((_, response) => void response.end("hello"));
  const sessions = keepSessions(server, idleTimeoutMs);
  const refs: WeakRef<ServerHttp2Session>[] = [];
  server.on("session", (session) => refs.push(new WeakRef(session)));
  await once(server.listen(0), "listening");
  onTestFinished(() => void server.close());
  return { url: `http://localhost:${(server.address() as AddressInfo).port}`, sessions, refs };
}

async function call(url: string) {
  const client = connect(url);
  onTestFinished(() => client.destroy());
  const stream = client.request({ ":path": "/" }).resume();
  await once(stream, "close");
  return client;
}

test("a connection that has ended does not stay in memory, long before it would have been idle", async () => {
  const { url, sessions, refs } = await startServer(3_600_000);
  for (let i = 0; i < 5; i++) {
    const client = await call(url);
    if (i % 2 === 0) client.destroy();
    else client.close();
  }
  await expect.poll(() => sessions.size).toBe(0);
  const left = () => {
    collectEverything();
    return refs.filter((ref) => ref.deref() !== undefined).length;
  };
  // What the last event held is let go with the next one.
  await expect.poll(left).toBeLessThanOrEqual(1);
  expect(refs).toHaveLength(5);
});

test("a silent connection without calls is told to go, and one that calls is not", async () => {
  const { url, sessions } = await startServer(1_000);
  const silent = await call(url);
  const busy = await call(url);
  const gone = once(silent, "close");
  let over = false;
  void gone.then(() => (over = true));
  while (!over) {
    const stream = busy.request({ ":path": "/" }).resume();
    await once(stream, "close");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect([busy.closed, sessions.size]).toEqual([false, 1]);
});

test("a connection that is destroyed and has not closed yet is left alone", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const server = new EventEmitter();
  keepSessions(server as Http2Server, 4_000);
  const session = Object.assign(new EventEmitter(), { destroyed: false, socket: { bytesRead: 0, bytesWritten: 0 } });
  server.emit("session", session);
  vi.advanceTimersByTime(1_000);
  Object.assign(session, { destroyed: true, socket: undefined });
  vi.advanceTimersByTime(10_000);
  expect(vi.getTimerCount()).toBe(0);
});

test("a connection that is destroyed while it is looked whether something was read is left alone", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const server = new EventEmitter();
  keepSessions(server as Http2Server, 4_000);
  const session = Object.assign(new EventEmitter(), { destroyed: false, close: vi.fn() });
  const socket = vi.fn(() => {
    // As Node does.
    if (session.destroyed) throw new Error("The socket has been disconnected from the Http2Session");
    return { bytesRead: 0, bytesWritten: 0 };
  });
  server.emit("session", Object.defineProperty(session, "socket", { get: socket }));
  vi.advanceTimersByTime(4_000);
  session.destroyed = true;
  const asked = socket.mock.calls.length;
  await new Promise(setImmediate);
  expect([session.close.mock.calls.length, socket.mock.calls.length]).toEqual([0, asked]);
});
