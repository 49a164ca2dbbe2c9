// A server that is to stop, behind a load balancer that asks it whether it is ready.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { documented, HAS_PROXIES, type RealProxy, startHaproxy } from "../support/parts/proxies.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type RunningServer, startServer } from "../support/servers/process.ts";

/** A busy machine takes its time. */
const LONG = { timeout: 45_000 };
let own: TestDatabase;
let headers: Record<string, string>;
beforeAll(async () => {
  own = await createTestDatabase();
  expect(await runInProcess("tenant create --slug acme".split(" "), settings())).toMatchObject({ status: 0 });
  const token = await runInProcess("token --tenant acme --sub ann".split(" "), settings());
  headers = { authorization: `Bearer ${token.stdout.trim()}`, "content-type": "application/json" };
});
afterAll(() => own.drop());

function settings(more: Record<string, string> = {}) {
  return { DATABASE_URL: own.url, PORT: "0", COLLOQUY_COMPAT: "", ...more };
}

async function start(more: Record<string, string> = {}): Promise<{ server: RunningServer; url: string }> {
  const server = startServer(settings(more));
  return { server, url: (await server.ready).replace("Colloquy is ready at ", "") };
}

const statusOf = async (url: string, path: string) => (await fetch(`${url}${path}`, { headers })).status;

describe.each(["1", "2"])("F-DRAIN: with %s worker(s)", (COLLOQUY_WORKERS) => {
  test("a server that is to stop is not ready, and serves on; a second signal ends the delay", async () => {
    const { server, url } = await start({ COLLOQUY_DRAIN_DELAY: "600", COLLOQUY_WORKERS });
    const leaving = server.logs("draining: not ready");
    server.signal("SIGTERM");
    await leaving;
    await expect.poll(() => statusOf(url, "/readyz"), LONG).toBe(503);
    expect(await statusOf(url, "/healthz")).toBe(200);
    const made = await fetch(`${url}/v1/conversations`, { method: "POST", headers, body: "{}" });
    expect(made.status).toBe(201);
    server.signal("SIGINT");
    expect((await server.ended).status).toBe(0);
  });
});

test("F-DRAIN: by default production waits 5 s, and development does not", () => {
  expect(loadConfig({}).drainDelayMs).toBe(0);
  expect(loadConfig({ COLLOQUY_PROFILE: "production", COLLOQUY_TRUST: "" }).drainDelayMs).toBe(5_000);
  expect(() => loadConfig({ COLLOQUY_DRAIN_DELAY: "-1" })).toThrow("COLLOQUY_DRAIN_DELAY: must be a number of seconds");
});

describe.skipIf(!HAS_PROXIES)("F-DRAIN: behind HAProxy", () => {
  let proxy: RealProxy;
  let servers: readonly { server: RunningServer; url: string }[];
  beforeAll(async () => {
    servers = await Promise.all([start({ COLLOQUY_DRAIN_DELAY: "8" }), start()]);
    const [one, two] = servers.map(({ url }) => new URL(url).host);
    const text = await documented("haproxy", String(one));
    proxy = await startHaproxy(text.replaceAll(/^ +server one (\S+)(.*)$/gm, `server one $1$2\nserver two ${two}$2`));
  });
  afterAll(async () => {
    await proxy?.[Symbol.asyncDispose]();
    for (const { server } of servers ?? []) server.signal("SIGKILL");
  });

  test("one of two servers stops, and no call fails", async () => {
    const statuses: number[] = [];
    let over = false;
    const callers = Array.from({ length: 4 }, async () => {
      while (!over) {
        const made = await fetch(`${proxy.url}/v1/conversations`, { method: "POST", headers, body: "{}" });
        statuses.push(made.status);
        await made.text();
        // Some calls are always under way, without two processors full of them.
        await pause(50);
      }
    });
    try {
      await expect.poll(() => statuses.length, LONG).toBeGreaterThan(20);
      const [first] = servers;
      first?.server.signal("SIGTERM");
      expect((await first?.server.ended)?.status).toBe(0);
      const before = statuses.length;
      await expect.poll(() => statuses.length, LONG).toBeGreaterThan(before + 20);
    } finally {
      over = true;
      await Promise.allSettled(callers);
    }
    await Promise.all(callers);
    expect(new Set(statuses)).toEqual(new Set([201]));
  }, 120_000);

  test("what a server may have begun is not sent again", async () => {
    const taken: string[] = [];
    const broken = createServer((socket) => {
      socket.once("data", (head) => {
        const [method = "", path] = String(head).split(" ");
        if (path === "/readyz") return socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        taken.push(method);
        socket.destroy();
      });
      socket.on("error", () => {});
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void broken.close());
    await once(broken, "listening");
    const { port } = broken.address() as AddressInfo;
    await using before = await startHaproxy(await documented("haproxy", `127.0.0.1:${port}`));
    const call = async (method: string) => {
      // On a connection that it has used, HAProxy would close instead of answering, and leave it to the client.
      const alone = { ...headers, connection: "close" };
      const { status } = await fetch(`${before.url}/v1/conversations`, { method, headers: alone });
      return { status, times: taken.filter((one) => one === method).length };
    };
    // Without an id of the request, a second one would act a second time.
    for (const method of ["POST", "PATCH", "DELETE"]) expect(await call(method)).toEqual({ status: 502, times: 1 });
    expect((await call("GET")).times).toBeGreaterThan(1);
  });

  test("a server that pauses for two seconds is not taken out", async () => {
    const second = servers[1]?.server;
    const create = () => fetch(`${proxy.url}/v1/conversations`, { method: "POST", headers, body: "{}" });
    expect((await create()).status).toBe(201);
    second?.signal("SIGSTOP");
    await pause(2_000);
    const held = create();
    second?.signal("SIGCONT");
    expect((await held).status).toBe(201);
  }, 120_000);
});
