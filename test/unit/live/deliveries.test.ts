// Passes over the followers of one log: everything once and in order, whoever refuses, leaves or breaks meanwhile.
import { describe, expect, test, vi } from "vitest";
import { Deliveries } from "../../../src/live/followers/fan-out.ts";
import type { LogEntry } from "../../../src/store/messages/messages.ts";

const FOREVER = 60_000;
const never = new AbortController().signal;

/** A log that the test extends, which gives three entries at a time. */
function createLog() {
  const log: LogEntry[] = [];
  let from = 0n;
  const deliveries = new Deliveries((seq) =>
    seq < from ? undefined : log.filter((entry) => entry.seq > seq).slice(0, 3),
  );
  return {
    deliveries,
    extend(count: number) {
      for (let i = 0; i < count; i++) log.push({ seq: BigInt(log.length + 1) } as LogEntry);
    },
    forget(until: bigint) {
      from = until;
    },
  };
}

function follower(deliveries: Deliveries, wants: (seen: number[]) => boolean = () => true) {
  const seen: number[] = [];
  const take = (entries: readonly LogEntry[]) => {
    seen.push(...entries.map(({ seq }) => Number(seq)));
    return wants(seen);
  };
  const follow = (seq = 0n, ms = FOREVER, signal = never) => deliveries.add(seq, take, ms, signal);
  return { seen, follow };
}

describe("a follower", () => {
  test("gets what is there when it comes, and what comes later, in order", async () => {
    const { deliveries, extend } = createLog();
    extend(4);
    const { seen, follow } = follower(deliveries, (all) => all.length < 8);
    const stay = follow(1n);
    expect(seen).toEqual([2, 3, 4]);
    extend(5);
    await deliveries.serve();
    await stay;
    expect(seen).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("that refuses goes, and is handed nothing more", async () => {
    const { deliveries, extend } = createLog();
    const { seen, follow } = follower(deliveries, () => false);
    const stay = follow();
    extend(5);
    await deliveries.serve();
    await stay;
    extend(1);
    await deliveries.serve();
    expect(seen).toEqual([1, 2, 3]);
  });

  test("whose place is no longer kept goes to look for itself", async () => {
    const { deliveries, extend, forget } = createLog();
    const { seen, follow } = follower(deliveries);
    const stay = follow();
    extend(3);
    forget(2n);
    await deliveries.serve();
    await stay;
    expect(seen).toEqual([]);
  });

  test("goes after its time, and with the signal's reason", async () => {
    const { deliveries } = createLog();
    await follower(deliveries).follow(0n, 1);
    const stop = new AbortController();
    const stay = follower(deliveries).follow(0n, FOREVER, stop.signal);
    stop.abort(new Error("stopped"));
    await expect(stay).rejects.toThrow("stopped");
    await expect(follower(deliveries).follow(0n, FOREVER, stop.signal)).rejects.toThrow("stopped");
  });

  test("that breaks is told so, and harms no other", async () => {
    const { deliveries, extend } = createLog();
    const broken = follower(deliveries, () => {
      throw new Error("too large to send");
    });
    const sound = follower(deliveries);
    const stays = [broken.follow(), sound.follow(0n, 50)];
    extend(2);
    const told = expect(stays[0]).rejects.toThrow("too large to send");
    await deliveries.serve();
    await told;
    await stays[1];
    expect(sound.seen).toEqual([1, 2]);
  });
});

test("a pass over many gives way to other work, and reaches all of them", async () => {
  const { deliveries, extend } = createLog();
  const followers = Array.from({ length: 64 }, () => follower(deliveries, () => slowly()));
  const stop = new AbortController();
  const stays = followers.map(({ follow }) => follow(0n, FOREVER, stop.signal));
  extend(1);
  let turns = 0;
  const other = setInterval(() => turns++, 0);
  await deliveries.serve();
  clearInterval(other);
  expect(turns).toBeGreaterThan(0);
  expect(followers.map(({ seen }) => seen)).toEqual(followers.map(() => [1]));

  // What comes in the middle of a pass reaches the last ones with it, and the first ones with another.
  extend(1);
  const served = deliveries.serve();
  await vi.waitFor(() => expect(followers[0]?.seen).toEqual([1, 2]), { interval: 1 });
  expect(followers.at(-1)?.seen).toEqual([1]);
  extend(1);
  expect(deliveries.serve()).toBe(served);
  await served;
  expect(followers.map(({ seen }) => seen)).toEqual(followers.map(() => [1, 2, 3]));
  stop.abort();
  await Promise.allSettled(stays);
});

/** Takes a millisecond. */
function slowly(): boolean {
  for (const until = performance.now() + 1; performance.now() < until; );
  return true;
}
