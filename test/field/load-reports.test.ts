// F-LOAD: what people reported of other servers' refusals under load, tried on this one.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { Limiter } from "../../src/access/limits/rate-limits.ts";
import { UserLimits } from "../../src/dialects/assistant/rate-limit.ts";
import { DomainError, ErrorReason } from "../../src/domain/errors.ts";
import { networkOf } from "../../src/domain/network/network.ts";
import type { CallInfo } from "../../src/protocols/rest/binding/mount.ts";
import type { Statement } from "../../src/store/database.ts";
import { watchEventLoop } from "../../src/telemetry/event-loop.ts";
import { EchoService } from "../gen/colloquy/test/v1/echo_pb.ts";
import { echoClient, PROTOCOLS } from "../support/calls/clients.ts";
import { reasonOf } from "../support/errors.ts";
import { compute } from "../support/measure/starvation.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { ECHO, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";
import { startIdentityServer } from "../support/servers/identity-server.ts";

const ORIGIN = "http://localhost:5173";

describe("a caller that is refused", () => {
  test("F-LOAD: is not told to come again before it has calls left, however the clock stands", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e7, noNaN: true }),
        fc.double({ min: 0, max: 999, noNaN: true }),
        (at, ms) => {
          let now = at;
          const limiter = new Limiter({ name: "caller", points: 1, seconds: 1 }, () => now);
          limiter.take("a");
          now += ms;
          const { allowed, resetMs } = limiter.take("a");
          expect([allowed, Number.isInteger(resetMs)]).toEqual([false, true]);
          now += resetMs;
          expect(limiter.take("a").allowed, `told to wait ${resetMs} ms`).toBe(true);
        },
      ),
    );
  });

  test.each([["by a rate limit", { COLLOQUY_RATE_LIMITS: "caller=2/600" }]])(
    "F-LOAD: %s can be understood by a page: origin, status and times may be read, and a preflight costs nothing",
    async (_, environment) => {
      await using server = await startIdentityServer({ environment });
      const { credential } = await (await server.tenant()).key("read");
      const path = `${server.url}/v1/whoAmI`;
      const preflight = () =>
        fetch(path, {
          method: "OPTIONS",
          headers: {
            origin: ORIGIN,
            "access-control-request-method": "GET",
            "access-control-request-headers": "authorization",
          },
        });
      const ask = () => fetch(path, { headers: { ...credential, origin: ORIGIN } });
      for (let i = 0; i < 5; i++) expect((await preflight()).status).toBe(204);
      expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
      const refused = await ask();
      expect(refused.status).toBe(429);
      expect(refused.headers.get("access-control-allow-origin")).toBe(ORIGIN);
      const exposed = refused.headers.get("access-control-expose-headers")?.split(", ");
      for (const name of ["Retry-After", "RateLimit", "RateLimit-Policy"]) {
        expect(exposed).toContain(name);
        expect(refused.headers.get(name)).not.toBeNull();
      }
      expect((await preflight()).status).toBe(204);
    },
  );

  test("F-LOAD: is the same caller, however it spells its scheme, and on every wire", async () => {
    await using server = await startIdentityServer({ environment: { COLLOQUY_RATE_LIMITS: "caller=3/600" } });
    const { text } = await (await server.tenant()).key("read");
    const statuses: number[] = [];
    for (const scheme of ["Bearer", "bearer", "BEARER", "bEaReR"]) {
      statuses.push(
        (await fetch(`${server.url}/v1/whoAmI`, { headers: { authorization: `${scheme} ${text}` } })).status,
      );
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
    const named = await fetch(`${server.url}/v1/whoAmI`, { headers: { "x-api-key": text } });
    expect(named.status).toBe(429);
  });
});

describe("a client that changes its address", () => {
  test.each([
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"],
    ["2001:db8::1", "2001:db8:0:0:8000::"],
    ["::1:2:3:4", "::"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
  ])("F-LOAD: within its /64 counts as one, as %s and as %s", (one, other) => {
    expect(networkOf(one)).toBe(networkOf(other));
    const limits = new UserLimits(() => 0);
    const from = (address: string) => ({ address }) as CallInfo;
    limits.takeFor(from(one));
    expect(limits.takeFor(from(other)).remaining).toBe(98);
  });

  test("F-LOAD: does not count as its neighbours", () => {
    const addresses = ["2001:db8:1:2::1", "2001:db8:1:3::1", "192.0.2.1", "192.0.2.2", "::ffff:192.0.2.3"];
    expect(new Set(addresses.map(networkOf)).size).toBe(addresses.length);
  });
});

describe("a queue before the database", () => {
  const SLEEP: Statement = { name: "load_sleep", text: "select pg_sleep($1)" };
  const ONE: Statement = { name: "load_one", text: "select 1" };
  let own: TestDatabase;
  beforeAll(async () => {
    own = await createTestDatabase();
  });
  afterAll(() => own.drop());

  test("F-LOAD: keeps no place for those who have gone or run out of time, and does nothing for them", async () => {
    const sent: string[] = [];
    const database = await own.open({
      poolSize: 1,
      maxWaiting: 3,
      observer: { onStatement: (text) => sent.push(text) },
    });
    await database.ping();
    const free = new AbortController();
    const holder = database.query(SLEEP, [600], free.signal);
    for (let round = 0; round < 3; round++) {
      const gone = new AbortController();
      const waiting = Array.from({ length: 3 }, () => database.query(ONE, [], gone.signal));
      expect(database.queue).toMatchObject({ waiting: 3, full: true });
      gone.abort(new Error("gone"));
      expect(await Promise.allSettled(waiting)).toEqual(
        waiting.map(() => ({ status: "rejected", reason: new Error("gone") })),
      );
      expect(database.queue).toMatchObject({ waiting: 0, full: false, waitedMs: 0 });
    }
    const last = database.query(ONE, []);
    free.abort(new Error("enough"));
    await expect(holder).rejects.toThrow("enough");
    expect(await last).toHaveLength(1);
    expect(sent.filter((text) => text === ONE.text)).toHaveLength(1);
  });

  test("F-LOAD: of those who wait, those who stay are served in their order, though others between them leave", async () => {
    const database = await own.open({ poolSize: 1 });
    await database.ping();
    const free = new AbortController();
    const holder = database.query(SLEEP, [600], free.signal);
    const order: number[] = [];
    const leaving = new AbortController();
    const all = Array.from({ length: 9 }, (_, n) =>
      database.query(ONE, [], n % 2 === 0 ? undefined : leaving.signal).then(() => order.push(n)),
    );
    leaving.abort(new Error("gone"));
    free.abort(new Error("enough"));
    await Promise.allSettled([holder, ...all]);
    expect(order).toEqual([0, 2, 4, 6, 8]);
  });
});

describe("a server that refuses", () => {
  const TOO_MUCH = new DomainError(ErrorReason.OVERLOADED, "the server has more to do than it can", {
    retryAfterMs: 1_000,
  });

  test("F-LOAD: counts calls and not streams that stay open, on every wire", async () => {
    const counted = { began: 0, ended: 0 };
    const door = {
      shed: () => undefined,
      entered: () => {},
      began: () => counted.began++,
      ended: () => counted.ended++,
    };
    const server = await startEchoServer({ door });
    const streams = PROTOCOLS.map((protocol) =>
      echoClient(server.url, protocol).repeat({ text: "a", times: 1, behave: "hang" })[Symbol.asyncIterator](),
    );
    for (const stream of streams) await stream.next();
    expect(counted).toEqual({ began: 0, ended: 0 });
    for (const protocol of PROTOCOLS) await echoClient(server.url, protocol).echo({ text: "a" });
    expect(counted).toEqual({ began: PROTOCOLS.length, ended: PROTOCOLS.length });
    await server.close();
    await Promise.allSettled(streams.map((stream) => stream.next()));
  });

  test("F-LOAD: refuses what found no place to begin, on every wire", async () => {
    const server = await startEchoServer({ starts: { enter: () => Promise.resolve(false) } });
    for (const protocol of PROTOCOLS) {
      expect(await reasonOf(echoClient(server.url, protocol).echo({ text: "a" })), protocol).toBe("OVERLOADED");
    }
    expect(server.seen.entered).toBe(0);
    await server.close();
  });

  test("F-LOAD: does nothing for a call whose caller left, or ran out of time, before it could begin", async () => {
    const turn = Promise.withResolvers<boolean>();
    const server = await startEchoServer({ starts: { enter: () => turn.promise } });
    const head = (deadline: number | undefined, gone = new AbortController()) => ({
      method: EchoService.method.echo,
      wire: "connect" as const,
      header: (name: string) => (name === "authorization" ? `Bearer ${TOKEN}` : undefined),
      address: "192.0.2.1",
      signal: gone.signal,
      interrupt: gone.signal,
      deadline,
    });
    const gone = new AbortController();
    const left = server.pipeline.begin(head(undefined, gone)).admit();
    let now = Date.now();
    const clock = vi.spyOn(Date, "now").mockImplementation(() => now);
    const late = server.pipeline.begin(head(now + 1_000)).admit();
    now += 1_000;
    gone.abort(new Error("it left"));
    turn.resolve(true);
    await expect(left).rejects.toThrow("it left");
    await expect(late).rejects.toMatchObject({ reason: ErrorReason.DEADLINE_EXCEEDED });
    clock.mockRestore();
    await server.close();
  });

  test("F-LOAD: is healthy, can be measured, and lets a page know that it refuses", async () => {
    const door = { shed: () => TOO_MUCH, entered: () => {}, began: () => {}, ended: () => {} };
    const server = await startEchoServer({ door });
    for (const path of ["/healthz", "/readyz", "/metrics"])
      expect((await fetch(server.url + path)).status, path).toBe(200);
    const headers = { "content-type": "application/json", authorization: `Bearer ${TOKEN}`, origin: ORIGIN };
    const refused = await fetch(server.url + ECHO, { method: "POST", headers, body: "{}" });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([429, ORIGIN]);
    expect(refused.headers.get("access-control-expose-headers")).toContain("Retry-After");
    await server.close();
  });

  test("F-LOAD: knows that the loop was held, though it could not be looked at meanwhile", async () => {
    const loop = watchEventLoop();
    loop.read();
    compute(400);
    expect(loop.read().ownDelayMs).toBeGreaterThan(200);
    loop.stop();
  });
});
