// Work that nobody waits for pays for each piece before the next begins.
import { expect, test } from "vitest";
import { createGiveWay } from "../../../src/jobs/give-way.ts";

test("a piece costs what it took, and the rest behind it costs nothing", async () => {
  const paid: number[] = [];
  let time = 100;
  const { signal } = new AbortController();
  const turn = async (ms: number) => {
    paid.push(ms);
    time += 500;
  };
  const giveWay = createGiveWay({ turn }, signal, () => time);
  for (const ms of [20, 7, 0]) {
    time += ms;
    await giveWay();
  }
  expect(paid).toEqual([20, 7, 0]);
});

test("it waits for its turn, and without a budget for nothing", async () => {
  const { signal } = new AbortController();
  let go = () => {};
  let rested = false;
  const giveWay = createGiveWay({ turn: () => new Promise<void>((resolve) => (go = resolve)) }, signal);
  const resting = giveWay().then(() => (rested = true));
  await Promise.resolve();
  expect(rested).toBe(false);
  go();
  await resting;
  await createGiveWay(undefined, signal)();
});
