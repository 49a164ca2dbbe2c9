// More comes than can be done: what those hear who are turned away.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { describe, expect, it } from "vitest";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import { RandomCaller } from "../../support/random/random-caller.ts";
import { randomCall } from "../../support/random/random-calls.ts";
import { ECHO, type EchoServer, startEchoServer, TOKEN, UNARY_LANE } from "../../support/servers/echo-server.ts";

const HEADERS = { "content-type": "application/json", authorization: `Bearer ${TOKEN}` };
const TOO_MUCH = new DomainError(ErrorReason.OVERLOADED, "the server has more to do than it can", {
  retryAfterMs: 1_000,
});
const SHUT = { shed: () => TOO_MUCH, entered: () => {}, began: () => {}, ended: () => {} };
const CALLS = 1_000;

function post(server: EchoServer, path = ECHO): Promise<Response> {
  return fetch(server.url + path, { method: "POST", headers: { ...HEADERS, "x-request-id": "mine" }, body: "{}" });
}

describe("a call that is turned away", () => {
  it("hears why and when to come again, each time, is counted, and has entered nothing", async () => {
    const server = await startEchoServer({ door: SHUT });
    for (let call = 1; call <= 2; call++) {
      const answer = await post(server);
      expect(answer.status).toBe(429);
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(answer.headers.get("x-request-id")).toBe("mine");
      expect(await answer.json()).toEqual({
        code: "resource_exhausted",
        message: "the server has more to do than it can",
        details: [
          {
            type: "google.rpc.ErrorInfo",
            value: "CgpPVkVSTE9BREVEEghjb2xsb3F1eQ",
            debug: { reason: "OVERLOADED", domain: "colloquy" },
          },
          { type: "google.rpc.RetryInfo", value: "CgIIAQ", debug: { retryDelay: "1s" } },
        ],
      });
    }
    expect(server.seen.entered).toBe(0);
    expect(await server.metrics.text()).toContain(
      `colloquy_rpc_handled_total{method="${ECHO}",wire="connect",code="resource_exhausted"} 2`,
    );
    await server.close();
  });

  it.runIf(UNARY_LANE)("hears it over gRPC in one frame", async () => {
    const server = await startEchoServer({ door: SHUT });
    const session = connectHttp2(server.url);
    const call = session.request({ ":method": "POST", ":path": ECHO, ...HEADERS, "content-type": "application/grpc" });
    let trailers = 0;
    call.on("trailers", () => trailers++);
    const answered = new Promise<Record<string, unknown>>((resolve) => call.once("response", resolve));
    call.resume().end(Buffer.alloc(5));
    await once(call, "close");
    expect(await answered).toMatchObject({
      ":status": 200,
      "content-type": "application/grpc+proto",
      "grpc-status": "8",
      "grpc-message": TOO_MUCH.message,
      "retry-after": "1",
    });
    expect(trailers).toBe(0);
    session.destroy();
    await server.close();
  });

  it("is not told so by a server that stops", async () => {
    const server = await startEchoServer({ door: SHUT });
    server.lifecycle.drain();
    expect(await (await post(server)).json()).toMatchObject({ code: "unavailable" });
    await server.close();
  });

  it("is no health check", async () => {
    const server = await startEchoServer({ door: SHUT });
    expect(await (await post(server, "/grpc.health.v1.Health/Check")).json()).toEqual({
      status: "SERVING",
    });
    await server.close();
  });

  it(`is answered by the lane as by Connect's handlers, in ${CALLS} random calls`, async () => {
    const servers = await Promise.all([true, false].map((unaryLane) => startEchoServer({ unaryLane, door: SHUT })));
    const callers = servers.map((server) => new RandomCaller(server));
    let turnedAway = 0;
    for (let seed = 1; seed <= CALLS; seed++) {
      const call = randomCall(seed);
      const [own, other] = await Promise.all(callers.map((caller) => caller.call(call)));
      expect(own, `call ${seed}: ${call.http} ${call.verb} ${call.target}`).toEqual(other);
      if (own?.headers["retry-after"] === "1") turnedAway++;
    }
    expect(turnedAway).toBeGreaterThan(CALLS / 2);
    for (const caller of callers) caller.close();
    await Promise.all(servers.map((server) => server.close()));
  }, 120_000);
});
