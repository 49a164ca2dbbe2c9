// Several processes behind one address, as `COLLOQUY_WORKERS` starts them.
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { administer, createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type RunningServer, runColloquy, startServer } from "../support/servers/process.ts";
import { createSettingsFile, type SettingsFile } from "../support/servers/settings-file.ts";

let own: TestDatabase;
let headers: Record<string, string>;
beforeAll(async () => {
  own = await createTestDatabase();
  expect(await runInProcess("tenant create --slug acme".split(" "), settings())).toMatchObject({ status: 0 });
  const token = await runInProcess("token --tenant acme --sub ann".split(" "), settings());
  headers = { authorization: `Bearer ${token.stdout.trim()}`, "content-type": "application/json", connection: "close" };
});
afterAll(() => own.drop());

function settings(more: Record<string, string> = {}) {
  return { DATABASE_URL: own.url, PORT: "0", COLLOQUY_COMPAT: "", COLLOQUY_WORKERS: "2", ...more };
}

interface Workers {
  readonly server: RunningServer;
  readonly url: string;
  readonly pids: readonly number[];
}

async function startWorkers(more: Record<string, string> = {}): Promise<Workers> {
  const server = startServer(settings(more));
  const listening = lines(server, "a worker listens", 2);
  const url = (await server.ready).replace("Colloquy is ready at ", "");
  expect((await fetch(`${url}/readyz`, { headers })).status).toBe(200);
  return { server, url, pids: (await listening).map(({ worker_pid }) => worker_pid as number) };
}

/** The next lines of the log that say this. */
async function lines(server: RunningServer, message: string, count: number): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for await (const line of server.lines()) {
    if (line.msg === message && found.push(line) === count) return found;
  }
  throw new Error(`the log says ${found.length} times: ${message}`);
}

/** Each on a connection of its own, which go to the workers in turn. */
async function create(url: string): Promise<string> {
  const response = await fetch(`${url}/v1/conversations`, { method: "POST", headers, body: "{}" });
  const { id } = (await response.json()) as { id: string };
  expect([response.status, id]).toEqual([201, expect.any(String)]);
  return id;
}

describe("several workers", () => {
  let server: RunningServer;
  let url: string;
  let pids: readonly number[];
  let file: SettingsFile;
  beforeAll(async () => {
    file = await createSettingsFile();
    ({ server, url, pids } = await startWorkers({ COLLOQUY_CONFIG: file.path }));
  });
  afterAll(() => server.signal("SIGKILL"));

  test("share the calls, and count them together whichever is asked", async () => {
    for (let i = 0; i < 6; i++) await create(url);
    const counted = /^colloquy_rpc_handled_total\{method="[^"]*\/CreateConversation",wire="rest",code="ok"\} (\d+)$/m;
    for (let i = 0; i < 2; i++) {
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      expect(counted.exec(text)?.[1]).toBe("6");
    }
  });

  test("show a follower on one of them what comes through all", async () => {
    const id = await create(url);
    const stream = await fetch(`${url}/v1/conversations/${id}:subscribe?after_seq=1`, {
      headers: { ...headers, accept: "text/event-stream" },
    });
    const send = (content: string) =>
      fetch(`${url}/v1/conversations/${id}/messages`, { method: "POST", headers, body: JSON.stringify({ content }) });
    const contents = ["one", "two", "three", "four"];
    for (const content of contents) expect((await send(content)).status).toBe(201);
    let text = "";
    for await (const chunk of stream.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('"four"')) break;
    }
    expect([...text.matchAll(/"content":"(\w+)"/g)].map(([, content]) => content)).toEqual(contents);
  });

  test("go on when one of them is killed, which another replaces", async () => {
    const [victim = 0] = pids;
    const ended = lines(server, "a worker exited; starting another", 1);
    const replaced = lines(server, "a worker listens", 1);
    process.kill(victim, "SIGKILL");
    expect(await ended).toMatchObject([{ level: "error", worker_pid: victim, signal: "SIGKILL" }]);
    for (let i = 0; i < 4; i++) await create(url);
    const [{ worker_pid } = {}] = await replaced;
    expect(pids).not.toContain(worker_pid);
    for (let i = 0; i < 4; i++) await create(url);
  });

  test("apply the issuers and limits of the settings file after SIGHUP", { timeout: 120_000 }, async () => {
    await file.expectReloads(server, url, own.url);
  });

  test("finish what is in flight when the primary is told to stop, and none stays", async () => {
    const id = await create(url);
    const path = `${url}/v1/conversations/${id}:subscribe?after_seq=0`;
    const stream = await fetch(path, { headers: { ...headers, accept: "text/event-stream" } });
    server.signal("SIGTERM");
    let text = "";
    for await (const chunk of stream.body ?? []) text += Buffer.from(chunk).toString();
    expect(text).toContain("SHUTTING_DOWN");
    expect(await server.ended).toMatchObject({ status: 0 });
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});

test("end when the primary is killed", async () => {
  const { server, url } = await startWorkers();
  server.signal("SIGKILL");
  const connections = "select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
  await vi.waitFor(async () => expect(await administer(own.url, connections)).toEqual([]), { timeout: 15_000 });
  await expect(fetch(`${url}/healthz`, { headers })).rejects.toThrow("fetch failed");
});

test("say once that the port is taken, and leave the first key unused", async () => {
  const fresh = await createTestDatabase();
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  const words = settings({ DATABASE_URL: fresh.url, PORT: String(port) });
  expect(await runColloquy(["serve"], words)).toMatchObject({
    status: 1,
    stdout: "",
    stderr:
      `colloquy: port ${port} of 127.0.0.1 is used by another program: set another one with PORT, or COLLOQUY_COMPAT for a dialect\n` +
      "colloquy: a worker exited before it listened (status 1)\n",
  });
  expect(await administer(fresh.url, "select from api_key")).toEqual([]);
  holder.close();
  await fresh.drop();
});
