// How those who follow a turn are woken: nobody misses anything, and a thousand are not woken for every word.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Growth } from "../../../src/agents/turns/growth.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Follows as a caller does: reads what there is, and waits for more. Gives how often it read, and what it has. */
function follow(growth: Growth, said: { readonly words: number }) {
  const seen = { reads: 0, words: 0 };
  const signal = new AbortController().signal;
  void (async () => {
    for (;;) {
      const { version } = growth;
      seen.reads++;
      seen.words = said.words;
      await growth.after(version, 3_600_000, signal);
    }
  })();
  return seen;
}

/** 20 words a second. */
async function speak(followers: number, words = 200) {
  const growth = new Growth();
  const said = { words: 0 };
  const all = Array.from({ length: followers }, () => follow(growth, said));
  for (let word = 0; word < words; word++) {
    said.words++;
    growth.grow();
    await vi.advanceTimersByTimeAsync(50);
  }
  await vi.advanceTimersByTimeAsync(250);
  return all;
}

test("a few are woken for every word", async () => {
  for (const { reads, words } of await speak(40)) expect([reads, words]).toEqual([201, 200]);
});

test("a thousand are woken ten times a second, and have every word within 100 ms", async () => {
  for (const { reads, words } of await speak(1_000)) {
    expect(words).toBe(200);
    expect(reads).toBeGreaterThanOrEqual(100);
    expect(reads).toBeLessThanOrEqual(103);
  }
});

test("thousands are never held back for more than 250 ms", async () => {
  const [first] = await speak(5_000, 50);
  expect(first?.words).toBe(50);
  expect(first?.reads).toBeGreaterThanOrEqual(10);
});

test("an end is told at once, however many wait", async () => {
  const growth = new Growth();
  const said = { words: 0 };
  const [first] = Array.from({ length: 1_000 }, () => follow(growth, said));
  growth.grow();
  await vi.advanceTimersByTimeAsync(0);
  said.words = 1;
  growth.grow();
  await vi.advanceTimersByTimeAsync(0);
  expect(first?.words).toBe(0);
  growth.wake();
  await vi.advanceTimersByTimeAsync(0);
  expect(first?.words).toBe(1);
});
