// A server is refused to nobody for what others do to its machine, and still to those who bring it too much.
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createShedding, FEW_CALLS } from "../../src/pipeline/load-shedding.ts";
import { afterOwnTime } from "../../src/store/driver/own-time.ts";
import { watchEventLoop } from "../../src/telemetry/event-loop.ts";
import { call } from "../support/calls/callers.ts";
import { compute, holdToOne, holdUp, renice, standStill, startHogs } from "../support/measure/starvation.ts";
import { createTestDatabase, silent, type TestDatabase } from "../support/postgres/postgres.ts";
import { ECHO, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";
import { type RunningServer, runColloquy, startServer } from "../support/servers/process.ts";

let own: TestDatabase;
beforeAll(async () => {
  own = await createTestDatabase();
});
afterAll(() => own.drop());

describe("a process that others keep from running", () => {
  let server: RunningServer;
  let url: string;
  let headers: Record<string, string>;
  beforeAll(async () => {
    const settings = { DATABASE_URL: own.url, PORT: "0", COLLOQUY_COMPAT: "", COLLOQUY_RATE_LIMITS: "off" };
    expect(await runColloquy("tenant create --slug acme".split(" "), settings)).toMatchObject({ status: 0 });
    const token = await runColloquy("token --tenant acme --sub ann".split(" "), settings);
    // Node's own server may close a kept connection while a call is on its way there.
    headers = {
      authorization: `Bearer ${token.stdout.trim()}`,
      "content-type": "application/json",
      connection: "close",
    };
    server = startServer(settings);
    url = (await server.ready).replace("Colloquy is ready at ", "");
  });
  afterAll(async () => {
    server.signal("SIGKILL");
    await server.ended;
  });

  async function create(): Promise<number> {
    const response = await fetch(`${url}/v1/conversations`, { method: "POST", headers, body: "{}" });
    await response.arrayBuffer();
    return response.status;
  }

  /** Starts calls at this rate, whether or not those before are answered. */
  async function callsAt(perSecond: number, seconds: number): Promise<Promise<number>[]> {
    const calls: Promise<number>[] = [];
    for (let call = 0; call < perSecond * seconds; call++) {
      calls.push(create());
      await delay(1_000 / perSecond);
    }
    return calls;
  }

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (.*)$`, "gm"))].map(([, value]) =>
      Number(value),
    );
    return values.reduce((sum, value) => sum + value, 0);
  }

  // What a hog takes is processor time of the tests, too.
  test.each(process.env.TEST_KINDS === "all" ? [5, 50] : [50])(
    "F-OWN-WORK: niced beside a hog, it serves all of %d calls a second, late",
    async (perSecond) => {
      const processor = holdToOne(server.pid);
      renice(server.pid, 19);
      let calls: Promise<number>[];
      {
        using _ = startHogs(1, processor);
        calls = await callsAt(perSecond, 2);
      }
      renice(server.pid, 0);
      expect(new Set(await Promise.all(calls))).toEqual(new Set([201]));
      expect(await metric("colloquy_rpc_shed_total")).toBe(0);
    },
  );

  test.each([5, 50])(
    "F-OWN-WORK: stopped for most of the time, it serves all of %d calls a second",
    async (perSecond) => {
      const lost = await metric("colloquy_event_loop_lost_seconds_total");
      let calls: Promise<number>[];
      {
        await using _ = holdUp(server.pid, { stoppedMs: 450, runningMs: 10 });
        calls = await callsAt(perSecond, 2);
      }
      expect(new Set(await Promise.all(calls))).toEqual(new Set([201]));
      expect(await metric("colloquy_rpc_shed_total")).toBe(0);
      await expect.poll(() => metric("colloquy_event_loop_lost_seconds_total")).toBeGreaterThan(lost + 1);
    },
  );
});

test("F-OWN-WORK: a process that has too much to do itself refuses, unless only a few calls are under way", async ({
  signal,
}) => {
  const loop = watchEventLoop();
  const shedding = createShedding({
    queue: { full: false, waitedMs: 0, refuses: () => true, refused: { queue_full: 0, queue_time: 0 } },
    starts: { isFull: false, refuses: () => true, refused: 0 },
    readLoop: () => loop.read(),
    logger: silent,
  });
  shedding.start();
  let costMs = 40;
  const server = await startEchoServer({ door: shedding, limit: () => compute(costMs) });
  const headers = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
  const callers = (count: number, calls: number) =>
    call({ url: server.url + ECHO, headers, body: "{}", count, calls, until: 429 }, signal);
  expect(await callers(FEW_CALLS / 2, 6)).toEqual([200]);
  expect(shedding.refused.event_loop).toBe(0);
  costMs = 5;
  expect(await callers(6 * FEW_CALLS, Number.POSITIVE_INFINITY)).toEqual([200, 429]);
  expect(shedding.refused.event_loop).toBeGreaterThan(0);
  await expect.poll(() => shedding.share).toBe(0);
  expect(await callers(1, 1)).toEqual([200]);
  shedding.stop();
  loop.stop();
  await server.close();
});

describe("a limit on waiting", () => {
  test("F-OWN-WORK: does not run out while this process stands still", async () => {
    const acted: string[] = [];
    setTimeout(() => acted.push("by the clock"), 500);
    afterOwnTime(500, () => acted.push("by own time"));
    standStill(1_000);
    await new Promise((resolve) => setTimeout(resolve));
    expect(acted).toEqual(["by the clock"]);
    await expect.poll(() => acted).toEqual(["by the clock", "by own time"]);
  });

  test("F-OWN-WORK: is not up for what came meanwhile: a free connection to the database", async () => {
    const database = await own.open({ poolSize: 1, timeouts: { connect: 2_000 } });
    await database.ping();
    const holder = database.query({ name: "hold", text: "select pg_sleep(0.2)" }, []);
    const waiting = database.ping();
    standStill(2_500);
    await expect(waiting).resolves.toBeUndefined();
    await holder;
  });

  test("F-OWN-WORK: nor for a connection that is ready by now, though not for one that never is", async () => {
    const database = await own.open({ timeouts: { connect: 2_000 } });
    const connecting = database.ping();
    await new Promise((resolve) => setImmediate(resolve));
    standStill(2_500);
    await expect(connecting).resolves.toBeUndefined();
    const mute = createServer((socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as { port: number };
    const never = await own.open({ url: `postgresql://nobody@127.0.0.1:${port}/none`, timeouts: { connect: 100 } });
    await expect(never.ping()).rejects.toMatchObject({ message: "the database cannot be reached" });
    mute.close();
  });
});
