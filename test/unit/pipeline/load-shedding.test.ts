// What is refused while there is too much to do, and when that is over.
import { afterEach, describe, expect, test, vi } from "vitest";
import { ErrorReason } from "../../../src/domain/errors.ts";
import type { Party } from "../../../src/domain/identity/party.ts";
import type { Principal } from "../../../src/domain/identity/principal.ts";
import {
  createShedding,
  FEW_CALLS,
  MAX_LOOP_DELAY_MS,
  MAX_QUEUE_MS,
  nextShare,
} from "../../../src/pipeline/load-shedding.ts";
import { judge } from "../../../src/telemetry/event-loop.ts";
import { silent } from "../../support/postgres/postgres.ts";

const WINDOW_MS = 250;
const MANY = FEW_CALLS + 1;

afterEach(() => vi.useRealTimers());

/** Stands before a queue that changes, and a loop that does. */
function setUp() {
  vi.useFakeTimers();
  const queue = { full: false, waitedMs: 0, refuses: (_: Party) => true, refused: { queue_full: 0, queue_time: 0 } };
  const starts = { isFull: false, refuses: (_: Party) => true, refused: 0 };
  const loop = { elapsedMs: WINDOW_MS, ownDelayMs: 0, lostMs: 0 };
  const shedding = createShedding({ queue, starts, readLoop: () => loop, logger: silent, random: () => 0.1 });
  shedding.start();
  /** Lets this many windows pass, in which what waits goes on waiting. */
  const pass = (windows: number) => {
    for (let window = 0; window < windows; window++) {
      if (queue.waitedMs > 0) queue.waitedMs += loop.elapsedMs;
      vi.advanceTimersByTime(WINDOW_MS);
    }
  };
  const shed = (caller?: Principal) => shedding.shed(() => caller);
  /** Has so many more calls under way. */
  const begin = (calls: number) => {
    for (let call = 0; call < calls; call++) shedding.began();
  };
  const end = (calls: number) => {
    for (let call = 0; call < calls; call++) shedding.ended(1);
  };
  return { queue, starts, loop, shedding, shed, begin, end, pass };
}

/** A caller of a tenant. */
function of(tenantId: string, memberId = "ann"): Principal {
  return { kind: "member", tenantId, memberId, role: "member" };
}

describe("whoever floods", () => {
  test("S-FLOOD-COUNTS: is refused first although its calls find no place to begin, and whoever calls once in a while is not", () => {
    const { starts, loop, shedding, shed, begin, pass } = setUp();
    begin(MANY);
    starts.isFull = true;
    starts.refuses = ({ tenant }) => tenant === "flood";
    loop.ownDelayMs = 2 * MAX_LOOP_DELAY_MS;
    for (let window = 0; window < 6; window++) {
      for (let call = 0; call < 100; call++) expect(shed(of("flood"))).toBeDefined();
      shedding.entered(of("quiet"));
      pass(1);
    }
    starts.isFull = false;
    expect([shed(of("quiet")), shed(of("flood"))?.reason]).toEqual([undefined, ErrorReason.OVERLOADED]);
  });

  test("is counted with those that the queues refused", () => {
    const { queue, starts, shedding } = setUp();
    starts.refused = 3;
    queue.refused = { queue_full: 2, queue_time: 1 };
    expect(shedding.refused).toEqual({ start_queue: 3, queue_full: 2, queue_time: 1, event_loop: 0 });
  });
});

describe("a call", () => {
  test("comes in while there is room and the queue moves", () => {
    const { queue, shedding, shed, begin, pass } = setUp();
    begin(MANY);
    for (let window = 0; window < 20; window++) {
      queue.waitedMs = MAX_QUEUE_MS - WINDOW_MS;
      pass(1);
      expect(shed()).toBeUndefined();
    }
    expect(shedding.refused).toEqual({ start_queue: 0, queue_full: 0, queue_time: 0, event_loop: 0 });
  });

  test("is refused with OVERLOADED and a time to come again while the queue is full", () => {
    const { queue, shedding, shed, begin } = setUp();
    begin(MANY);
    queue.full = true;
    expect(shed()).toMatchObject({ reason: ErrorReason.OVERLOADED, details: { retryAfterMs: 1_000 } });
    expect(shedding.refused).toEqual({ start_queue: 0, queue_full: 1, queue_time: 0, event_loop: 0 });
    queue.full = false;
    expect(shed()).toBeUndefined();
  });

  test("is refused while the first in the queue has waited for too long, and comes in as soon as the queue moves", () => {
    const { queue, shedding, shed, begin, pass } = setUp();
    begin(MANY);
    queue.waitedMs = 1;
    pass(MAX_QUEUE_MS / WINDOW_MS);
    expect(shed()).toBeUndefined();
    pass(1);
    expect(shed()?.reason).toBe(ErrorReason.OVERLOADED);
    expect(shedding.refused.queue_time).toBe(1);
    queue.waitedMs = 10;
    expect(shed()).toBeUndefined();
  });

  test("is not refused for what waited while the machine ran something else", () => {
    const { queue, loop, shedding, shed, begin, pass } = setUp();
    begin(MANY);
    queue.waitedMs = 1;
    Object.assign(loop, { elapsedMs: 2_000, lostMs: 1_950 });
    pass(10);
    expect(queue.waitedMs).toBeGreaterThan(MAX_QUEUE_MS);
    expect(shed()).toBeUndefined();
    Object.assign(loop, { elapsedMs: WINDOW_MS, lostMs: 0 });
    pass(3);
    expect(shed()).toBeDefined();
    expect(shedding.lostMs).toBe(19_500);
  });
});

describe("a caller", () => {
  test("is not refused for any reason while only a few calls are under way", () => {
    const { queue, loop, shedding, shed, begin, pass } = setUp();
    loop.ownDelayMs = MAX_LOOP_DELAY_MS + 1;
    queue.waitedMs = 1;
    queue.full = true;
    begin(MANY);
    pass(8);
    shedding.ended(1);
    expect(shed(of("flood"))).toBeUndefined();
    begin(1);
    expect(shed(of("flood"))).toBeDefined();
  });

  test("is refused at a full or slow queue only where nobody waits more than it does", () => {
    const { queue, shed, begin, pass } = setUp();
    begin(MANY);
    queue.refuses = ({ tenant }) => tenant === "flood";
    queue.full = true;
    expect([shed(of("flood")), shed(of("quiet"))]).toEqual([expect.anything(), undefined]);
    queue.full = false;
    queue.waitedMs = 1;
    pass(8);
    expect([shed(of("flood")), shed(of("quiet"))]).toEqual([expect.anything(), undefined]);
    expect(shed(), "nobody known").toBeDefined();
  });

  test("is refused where too many wait to begin, if nobody has more of them than it does", () => {
    const { starts, shedding, shed, begin } = setUp();
    begin(MANY);
    starts.refuses = ({ tenant }) => tenant === "flood";
    starts.isFull = true;
    expect([shed(of("flood")), shed(of("quiet"))]).toEqual([expect.anything(), undefined]);
    expect(shed()?.message, "nobody known").toBe("the server has more to do than it can");
    expect(shedding.refused).toMatchObject({ start_queue: 2, queue_full: 0 });
  });

  test("is refused by a busy process for its own calls alone: first those of the tenant that has most, and of its callers", () => {
    const { loop, shedding, begin, shed, pass } = setUp();
    loop.ownDelayMs = MAX_LOOP_DELAY_MS + 1;
    begin(MANY);
    const quiet = Array.from({ length: 20 }, (_, n) => of(`quiet-${n}`));
    for (let window = 0; window < 3; window++) {
      for (const caller of [...quiet, ...quiet, of("flood", "calm")]) shedding.entered(caller);
      for (let call = 0; call < 200; call++) shedding.entered(of("flood", "eager"));
      pass(1);
    }
    expect(shedding.share).toBe(0.75);
    expect(quiet.map((caller) => shed(caller))).toEqual(quiet.map(() => undefined));
    expect([shed(of("flood", "calm")), shed(of("new"))]).toEqual([undefined, undefined]);
    expect(shed(of("flood", "eager"))).toBeDefined();
    expect(shed(), "nobody known").toBeDefined();
  });
});

test("the time of calls is summed up, but for those that wait for an agent", () => {
  const { shedding } = setUp();
  for (const milliseconds of [5, 60_000, 20]) {
    shedding.began();
    shedding.ended(milliseconds);
  }
  expect(shedding.callMs).toBe(25);
});

describe("a loop that is late by its own work", () => {
  test("has calls refused only while more than a few are under way", () => {
    const { loop, shedding, shed, begin, end, pass } = setUp();
    loop.ownDelayMs = MAX_LOOP_DELAY_MS + 1;
    begin(FEW_CALLS);
    pass(4);
    expect(shed()).toBeUndefined();
    begin(1);
    pass(1);
    expect(shed()?.reason).toBe(ErrorReason.OVERLOADED);
    end(1);
    expect(shed()).toBeUndefined();
    end(FEW_CALLS);
    pass(6);
    expect(shedding.share).toBe(0);
  });

  test("counts those that came one after the other, and those that were refused", () => {
    const { loop, shedding, shed, pass } = setUp();
    loop.ownDelayMs = MAX_LOOP_DELAY_MS + 1;
    for (let window = 0; window < 4; window++) {
      const { share } = shedding;
      for (let call = 0; call < MANY; call++) {
        shedding.began();
        shed();
        shedding.ended(1);
      }
      pass(1);
      expect(shedding.share).toBeGreaterThan(share);
    }
  });

  test("has more refused step by step, and never all, so that it is seen when it is over", () => {
    const shares = [0, 1, 2, 3, 4, 5].reduce<number[]>(
      (sum) => [...sum, nextShare(sum.at(-1) ?? 0, MAX_LOOP_DELAY_MS + 1, MANY)],
      [],
    );
    expect(shares).toEqual([0.25, 0.5, 0.75, 0.95, 0.95, 0.95]);
  });

  test("has nothing refused any more within five windows after it was late", () => {
    const shares = [1, 2, 3, 4, 5].reduce<number[]>((sum) => [...sum, nextShare(sum.at(-1) ?? 0.95, 0, MANY)], []);
    expect(shares.at(-2)).toBeGreaterThan(0);
    expect(shares.at(-1)).toBe(0);
  });

  test("is left alone where it is merely busy", () => {
    expect(nextShare(0, MAX_LOOP_DELAY_MS, MANY)).toBe(0);
  });
});

test.each([
  ["idle", { elapsedMs: 250, usedMs: 1, medianMs: 10, looks: 25 }, { ownDelayMs: 0, lostMs: 0 }],
  ["busy", { elapsedMs: 250, usedMs: 200, medianMs: 15, looks: 17 }, { ownDelayMs: 4, lostMs: 0 }],
  ["overloaded", { elapsedMs: 600, usedMs: 600, medianMs: 310, looks: 2 }, { ownDelayMs: 300, lostMs: 0 }],
  [
    "overloaded beside others that have half",
    { elapsedMs: 1_200, usedMs: 600, medianMs: 610, looks: 2 },
    { ownDelayMs: 300, lostMs: 580 },
  ],
  ["starved", { elapsedMs: 1_000, usedMs: 10, medianMs: 510, looks: 2 }, { ownDelayMs: 5, lostMs: 970 }],
  ["stopped", { elapsedMs: 5_010, usedMs: 0, medianMs: 5_010, looks: 1 }, { ownDelayMs: 0, lostMs: 5_000 }],
])("a loop that is %s is judged by its own work", (_, looks, expected) => {
  expect(judge(looks)).toEqual({ elapsedMs: looks.elapsedMs, ...expected });
});
