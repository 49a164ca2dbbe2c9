import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { createBoundedPost } from "../../../src/outbound/bounded-post.ts";

const request = (signal: AbortSignal, url = "http://a.test/") => ({
  url: new URL(url),
  headers: {},
  body: "{}",
  signal,
});
const OK = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** A receiver that does these in turn with the requests that come, the last one with all that follow. */
async function receiver(...steps: readonly ((socket: Socket) => void)[]) {
  const seen = { requests: 0 };
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => steps[Math.min(seen.requests++, steps.length - 1)]?.(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const post = createBoundedPost({}, 10);
  onTestFinished(async () => {
    await post.close();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    seen,
    async send() {
      // The connection is kept once undici is done with the response before.
      await setImmediate();
      return post.post(request(new AbortController().signal, url));
    },
  };
}

const BROKEN: [what: string, act: (socket: Socket) => void][] = [
  ["closes", (socket) => socket.end()],
  ["resets", (socket) => socket.resetAndDestroy()],
  [
    "changes the protocol",
    (socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  ],
  ["answers half a head and closes", (socket) => socket.end("HTTP/1.1 200")],
];

test.each(BROKEN)("a receiver that %s without an answer to a first request gets it once", async (_, act) => {
  const { seen, send } = await receiver(act);
  await expect(send()).rejects.toThrow();
  expect(seen.requests).toBe(1);
});

test.each(BROKEN.slice(0, 2))("one that %s a kept connection is sent the request again, once", async (_, act) => {
  const answer = (socket: Socket) => socket.write(OK);
  const { seen, send } = await receiver(answer, act, answer, act);
  for (let i = 0; i < 2; i++) expect(await send()).toMatchObject({ status: 200, start: "ok" });
  expect(seen.requests).toBe(3);
  await expect(send()).rejects.toThrow();
  expect(seen.requests).toBe(5);
});

test.each(BROKEN.slice(2))("one that %s on a kept connection has answered", async (_, act) => {
  const { seen, send } = await receiver((socket) => socket.write(OK), act);
  await send();
  await expect(send()).rejects.toThrow();
  expect(seen.requests).toBe(2);
});

test("whoever gives up while there is no connection yet need not wait for it", async () => {
  const asked = Promise.withResolvers<void>();
  const post = createBoundedPost({ lookup: () => asked.resolve() }, 10);
  const ending = new AbortController();
  const answer = post.post(request(ending.signal));
  await asked.promise;
  ending.abort(new Error("enough"));
  await expect(answer).rejects.toThrow("enough");
  await post.close();
});

test("who gave up before is not sent anything", async () => {
  const post = createBoundedPost({ lookup: (_host, _options, callback) => callback(new Error("looked up"), "") }, 10);
  await expect(post.post(request(AbortSignal.abort(new Error("before"))))).rejects.toThrow("before");
  await post.close();
});
