import { describe, expect, test } from "vitest";
import { Rounds } from "../../../src/domain/rounds.ts";

const LONG_MS = 3_600_000;

describe("rounds of background work", () => {
  test("follow each other after the wait that a round returns, and once more when woken", async () => {
    const begun: PromiseWithResolvers<void>[] = [1, 2, 3].map(() => Promise.withResolvers<void>());
    let count = 0;
    const rounds = new Rounds({
      round: async () => {
        begun[count++]?.resolve();
        return count === 1 ? 0 : LONG_MS;
      },
      everyMs: LONG_MS,
      onError: () => expect.unreachable(),
    });
    rounds.start();
    rounds.start();
    await begun[1]?.promise;
    rounds.wake();
    await begun[2]?.promise;
    await rounds.stop();
    expect(count).toBe(3);
  });

  test("a wake during a round is not lost", async () => {
    const second = Promise.withResolvers<void>();
    let count = 0;
    const rounds: Rounds = new Rounds({
      round: async () => {
        if (++count === 1) rounds.wake();
        else second.resolve();
        return LONG_MS;
      },
      everyMs: LONG_MS,
      onError: () => expect.unreachable(),
    });
    rounds.start();
    await second.promise;
    await rounds.stop();
    expect(count).toBe(2);
  });

  test("a failure is told, and the next round comes", async () => {
    const failed = Promise.withResolvers<unknown>();
    const again = Promise.withResolvers<void>();
    let count = 0;
    const rounds = new Rounds({
      round: async () => {
        if (++count === 1) throw new Error("no database");
        again.resolve();
        return LONG_MS;
      },
      everyMs: 0,
      onError: failed.resolve,
    });
    rounds.start();
    await expect(failed.promise).resolves.toEqual(new Error("no database"));
    await again.promise;
    await rounds.stop();
  });

  test("a stop interrupts the round under way, and its error is not told", async () => {
    const begun = Promise.withResolvers<void>();
    const rounds = new Rounds({
      round: (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          begun.resolve();
        }),
      everyMs: 0,
      onError: () => expect.unreachable(),
    });
    rounds.start();
    await begun.promise;
    await rounds.stop();
    expect(rounds.signal.aborted).toBe(true);
  });
});
