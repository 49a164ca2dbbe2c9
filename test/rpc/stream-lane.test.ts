// The stream lane and Connect's own handlers answer alike, whatever they are asked; and what the lane does with its sockets.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EchoServer, startEchoServer } from "../support/echo-server.ts";
import { RandomCaller } from "../support/random-caller.ts";
import { randomStreamCall } from "../support/random-streams.ts";

/** A million for a night: `TEST_CALLS=1000000`. */
const CALLS = Number(process.env.TEST_CALLS ?? 3_000);
const FIRST = Number(process.env.TEST_SEED ?? 1);
/** Calls at one time. */
const ABREAST = 16;

describe("the stream lane", () => {
  const limits = { writeMaxBytes: 20_000 };
  let servers: readonly [EchoServer, EchoServer];
  let callers: readonly RandomCaller[];
  beforeAll(async () => {
    servers = [
      await startEchoServer({ unaryLane: true, streamLane: true, limits }),
      await startEchoServer({ unaryLane: false, streamLane: false, limits }),
    ];
    callers = servers.map((server) => new RandomCaller(server));
  });
  afterAll(async () => {
    for (const caller of callers) caller.close();
    await Promise.all(servers.map((server) => server.close()));
  });

  it(`answers ${CALLS} random calls as Connect's handlers do`, async () => {
    const seen = { refused: 0, failed: 0, whole: 0 };
    let next = FIRST;
    const work = async () => {
      while (next < FIRST + CALLS) {
        const seed = next++;
        const call = randomStreamCall(seed);
        const [own, other] = await Promise.all(callers.map((caller) => caller.call(call)));
        expect(own, `call ${seed}: ${call.http} ${call.verb} ${call.headers["content-type"]}`).toEqual(other);
        const { status = 0, body = "", headers = {} } = own ?? {};
        const failed = body.includes('"error"') || !/^0?$/.test(String(headers["grpc-status"] ?? ""));
        if (status !== 200) seen.refused++;
        else if (failed || /grpc-status: [1-9]/.test(body)) seen.failed++;
        else seen.whole++;
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, work));
    // Random calls that all fail would prove little.
    expect(seen.whole).toBeGreaterThan(CALLS / 15);
    expect(seen.failed).toBeGreaterThan(CALLS / 10);
    expect(seen.refused).toBeGreaterThan(0);
  }, 600_000);
});
