// The unary lane and Connect's own handlers answer alike, whatever they are asked.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomCaller } from "../../support/random/random-caller.ts";
import { randomCall } from "../../support/random/random-calls.ts";
import { type EchoServer, startEchoServer } from "../../support/servers/echo-server.ts";

/** A million for a night: `TEST_CALLS=1000000`. */
const CALLS = Number(process.env.TEST_CALLS ?? 2_000);
const FIRST = Number(process.env.TEST_SEED ?? 1);
/** Calls at one time. */
const ABREAST = 16;
let lane: EchoServer;
let adapter: EchoServer;
let callers: readonly [RandomCaller, RandomCaller];
beforeAll(async () => {
  lane = await startEchoServer({ unaryLane: true });
  adapter = await startEchoServer({ unaryLane: false });
  callers = [new RandomCaller(lane), new RandomCaller(adapter)];
});
afterAll(async () => {
  for (const caller of callers) caller.close();
  await Promise.all([lane.close(), adapter.close()]);
});

describe("the unary lane", () => {
  it(
    `answers ${CALLS} random calls as Connect's handlers do`,
    async () => {
      const seen = new Map<number, number>();
      let next = FIRST;
      const work = async () => {
        while (next < FIRST + CALLS) {
          const seed = next++;
          const call = randomCall(seed);
          const [own, other] = await Promise.all(callers.map((caller) => caller.call(call)));
          expect(own, `call ${seed}: ${call.http} ${call.verb} ${call.target}`).toEqual(other);
          seen.set(own!.status, (seen.get(own!.status) ?? 0) + 1);
        }
      };
      await Promise.all(Array.from({ length: ABREAST }, work));
      // Random calls that all fail would prove little.
      expect(seen.get(200)).toBeGreaterThan(CALLS / 4);
      for (const status of [400, 401, 404, 405, 415, 500]) expect(seen.get(status)).toBeGreaterThan(0);
    },
    Math.max(600_000, 50 * CALLS),
  );
});
