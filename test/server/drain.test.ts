// A stop drops nothing: readiness and health flip, calls in flight finish, new ones are told, then all is closed.
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { createClient } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { echoClient, PROTOCOLS, transportTo } from "../support/calls/clients.ts";
import { ask, openHttp2, speak } from "../support/calls/sockets.ts";
import { failureOf } from "../support/errors.ts";
import { ECHO, type EchoServer, startEchoServer, TOKEN } from "../support/servers/echo-server.ts";

/** Longer than any test: calls end because they are let go, or not at all. */
const DEADLINE_MS = 60_000;

let server: EchoServer;
beforeEach(async () => {
  server = await startEchoServer();
});
afterEach(() => server.close());

const entered = () => expect.poll(() => server.seen.entered).toBeGreaterThan(0);

describe.each(PROTOCOLS)("while it drains, over %s", (protocol) => {
  it("finishes calls in flight and refuses new ones", async () => {
    const client = echoClient(server.url, protocol);
    const inFlight = client.echo({ text: "done", behave: "held" });
    await entered();
    const closed = server.server.close({ deadlineMs: DEADLINE_MS });
    expect(await failureOf(echoClient(server.url, protocol).echo({}))).toMatchObject({
      code: "Unavailable",
      reason: "SHUTTING_DOWN",
    });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
    const health = createClient(Health, transportTo(server.url, protocol));
    expect((await health.check({})).status).toBe(Status.NOT_SERVING);
    server.release();
    expect((await inFlight).text).toBe("done");
    await closed;
    expect(await failureOf(echoClient(server.url, protocol).echo({}))).toMatchObject({
      code: "Unavailable",
      reason: undefined,
    });
  });

  it("aborts what is still running at the deadline, and says why", async () => {
    const call = echoClient(server.url, protocol).echo({ behave: "deaf" });
    const hanging = echoClient(server.url, protocol).repeat({ times: 1, behave: "hang" })[Symbol.asyncIterator]();
    await hanging.next();
    const failure = failureOf(call);
    const streamFailure = failureOf(hanging.next());
    await expect.poll(() => server.seen.entered).toBe(2);
    // Timers of one loop come in the order in which they are due, however busy the machine is.
    const order: string[] = [];
    server.lifecycle.stopping.addEventListener("abort", () => order.push("aborted"), { once: true });
    setTimeout(() => order.push("before"), 45);
    const closed = server.server.close({ deadlineMs: 50 });
    setTimeout(() => order.push("after"), 55);
    // It ends, though one of the calls never does.
    await closed;
    expect(order).toEqual(["before", "aborted", "after"]);
    expect(await streamFailure).toMatchObject({ code: "Unavailable", reason: "SHUTTING_DOWN" });
    // A unary call without a deadline is not raced: its connection closes.
    expect(["Unavailable", "Aborted", "Internal", "Canceled", "Unknown"]).toContain((await failure).code);
  });

  it("ends watchers of health", async () => {
    const health = createClient(Health, transportTo(server.url, protocol));
    const watch = health.watch({})[Symbol.asyncIterator]();
    expect((await watch.next()).value?.status).toBe(Status.SERVING);
    const closed = server.server.close({ deadlineMs: DEADLINE_MS });
    expect((await watch.next()).value?.status).toBe(Status.NOT_SERVING);
    expect((await watch.next()).done).toBe(true);
    await closed;
  });
});

describe("connections", () => {
  it("get GOAWAY over HTTP/2, and their calls finish", async () => {
    const session = connectHttp2(server.url);
    const headers = {
      ":method": "POST",
      ":path": ECHO,
      "content-type": "application/json",
      authorization: `Bearer ${TOKEN}`,
    };
    const answer = ask(session, headers, Buffer.from('{"behave":"held"}'));
    const goaway = new Promise((resolve) => session.once("goaway", resolve));
    const gone = new Promise<void>((resolve) => session.once("close", () => resolve()));
    await entered();
    const closed = server.server.close({ deadlineMs: DEADLINE_MS });
    expect(await goaway).toBe(0);
    server.release();
    expect((await answer).status).toBe(200);
    await gone;
    await closed;
  });

  it("are closed when idle, also those that never spoke", async () => {
    const session = openHttp2(server.url);
    await new Promise((resolve) => session.once("connect", resolve));
    const silent = connect(server.port, "127.0.0.1");
    await new Promise((resolve) => silent.once("connect", resolve));
    silent.on("error", () => {});
    const keepAlive = await speak(server.port, ["GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"]);
    expect(keepAlive.statuses).toEqual([200]);
    const all = Promise.all(
      [session, silent].map((s) => new Promise<void>((resolve) => s.once("close", () => resolve()))),
    );
    await server.server.close({ deadlineMs: DEADLINE_MS });
    await all;
  });

  it("tell HTTP/1.1 clients to close while draining", async () => {
    const inFlight = echoClient(server.url, "grpc").echo({ behave: "held" });
    await entered();
    const closed = server.server.close({ deadlineMs: DEADLINE_MS });
    expect((await speak(server.port, ["GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n"])).text.toLowerCase()).toContain(
      "connection: close",
    );
    server.release();
    await inFlight;
    await closed;
  });
});

it("can be stopped twice, and before it listened", async () => {
  await Promise.all([server.server.close({ deadlineMs: 100 }), server.server.close({ deadlineMs: 100 })]);
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});
