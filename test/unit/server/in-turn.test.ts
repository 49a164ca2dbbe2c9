// The requests of one HTTP/1.1 connection wait for the response before them, within limits: on Node's own server.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { inTurn } from "../../../src/server/connections/in-turn.ts";

const open = new Set<Server | Socket>();
afterEach(() => {
  for (const one of open) "destroy" in one ? one.destroy() : one.close();
  open.clear();
});

/** A server whose requests are answered when the test says so. */
async function start(limits: { maxBytes?: number; maxTotalBytes?: number } = {}) {
  const taken: Array<{ request: IncomingMessage; response: ServerResponse }> = [];
  const listener = (request: IncomingMessage, response: ServerResponse) => void taken.push({ request, response });
  const server = createServer(inTurn(listener, { maxBytes: 1 << 20, maxTotalBytes: 1 << 20, ...limits }));
  open.add(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const paths = () => taken.map(({ request }) => request.url);
  const answer = (i: number, headers?: Record<string, string>) => taken[i]?.response.writeHead(200, headers).end();
  return { taken, paths, answer, call: (...requests: string[]) => call(port, requests) };
}

interface Caller {
  readonly socket: Socket;
  /** The statuses that have come. */
  statuses(): string[];
  readonly ended: Promise<unknown>;
}

function call(port: number, requests: readonly string[]): Caller {
  const socket = connect(port, "127.0.0.1", () => socket.write(requests.join("")));
  open.add(socket);
  let text = "";
  socket.on("data", (chunk) => (text += chunk)).on("error", () => {});
  const ended = new Promise((resolve) => socket.on("close", resolve));
  return { socket, ended, statuses: () => [...text.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => status ?? "") };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: here\r\n\r\n`;
const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: here\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test("each is taken when the one before has been answered, with its body", async () => {
  const { taken, paths, answer, call } = await start();
  const { statuses } = call(post("/1", "one"), post("/2", "two"), get("/3"));
  await expect.poll(paths).toEqual(["/1"]);
  answer(0);
  await expect.poll(paths).toEqual(["/1", "/2"]);
  const chunks = await taken[1]?.request.toArray();
  expect(String(Buffer.concat(chunks ?? []))).toBe("two");
  answer(1);
  await expect.poll(paths).toEqual(["/1", "/2", "/3"]);
  answer(2);
  await expect.poll(statuses).toEqual(["200", "200", "200"]);
});

test("none is taken behind a response that ends the connection, or on one that is lost", async () => {
  const { paths, answer, call } = await start();
  const first = call(post("/1", "one"), post("/2", "two"));
  await expect.poll(paths).toEqual(["/1"]);
  answer(0, { connection: "close" });
  await first.ended;
  const second = call(post("/3", "one"), post("/4", "two"));
  await expect.poll(paths).toEqual(["/1", "/3"]);
  second.socket.destroy();
  await second.ended;
  const third = call(get("/5"));
  await expect.poll(paths).toEqual(["/1", "/3", "/5"]);
  answer(2);
  await expect.poll(third.statuses).toEqual(["200"]);
});

test.each([
  ["of the connection", { maxBytes: 40_000 }],
  ["of all", { maxTotalBytes: 40_000 }],
])("more than fit into the bytes %s are refused, and the connection ends after those before", async (_, limits) => {
  const { taken, answer, call } = await start(limits);
  const body = "x".repeat(10_000);
  const caller = call(get("/1"), post("/2", body), post("/3", body), ...Array(50).fill(get("/more")));
  // Two bodies and two heads are about 28,400 bytes, and each further head 4,100.
  for (let i = 0; i < 5; i++) {
    await expect.poll(() => taken.length).toBe(i + 1);
    answer(i);
  }
  await caller.ended;
  expect(caller.statuses()).toEqual(["200", "200", "200", "200", "200", "503"]);
  expect(taken).toHaveLength(5);
  // What the connection held counts no more.
  const next = call(get("/1"), post("/2", body), post("/3", body));
  for (let i = 5; i < 8; i++) {
    await expect.poll(() => taken.length).toBe(i + 1);
    answer(i);
  }
  await expect.poll(next.statuses).toEqual(["200", "200", "200"]);
});
