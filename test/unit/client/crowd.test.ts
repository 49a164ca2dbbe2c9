// A crowd of followers that a server refuses all at once comes in, a part at a time, and not in lockstep.
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { resilient } from "../../../src/client/stream.ts";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const FOLLOWERS = 500;
/** A server that takes so many in each tenth of a second. */
const ROOM = 20;

/** What a server says that is overloaded, and what a proxy says in front of none, or for itself. */
const REFUSALS = {
  "429 of the server, with a time": () =>
    new ConnectError("the server is overloaded", Code.ResourceExhausted, undefined, [
      { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: "OVERLOADED", domain: "colloquy" }) },
      { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: { seconds: 1n } }) },
    ]),
  "503 of the server, with a time": () =>
    new ConnectError("the database is unavailable", Code.Unavailable, undefined, [
      { desc: ErrorInfoSchema, value: create(ErrorInfoSchema, { reason: "DATABASE_UNAVAILABLE", domain: "colloquy" }) },
      { desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: { seconds: 1n } }) },
    ]),
  "429 or 503 of a proxy": () => new ConnectError("HTTP 503", Code.Unavailable),
};

test.each(Object.entries(REFUSALS))("Radiergummi/cetacean#149, galaxyproject/galaxy#22629: %s", async (_, refusal) => {
  const tries = new Map<number, number>();
  const arrivals = new Map<number, number>();
  let inside = 0;
  async function* open(): AsyncGenerator<string> {
    const window = Math.floor(Date.now() / 100);
    arrivals.set(Date.now(), (arrivals.get(Date.now()) ?? 0) + 1);
    const before = tries.get(window) ?? 0;
    tries.set(window, before + 1);
    if (before >= ROOM) throw refusal();
    inside++;
    yield "hello";
    await new Promise(() => {});
  }
  for (let follower = 0; follower < FOLLOWERS; follower++) {
    void (async () => {
      for await (const _entry of resilient(open, {}, 0, { renews: false }));
    })();
  }
  await vi.advanceTimersByTimeAsync(60_000);
  expect(inside).toBe(FOLLOWERS);
  // All came at once the first time only: never again a tenth of them in one millisecond.
  const [, ...later] = [...arrivals.values()].toSorted((a, b) => b - a);
  expect(Math.max(...later)).toBeLessThan(FOLLOWERS / 10);
});
