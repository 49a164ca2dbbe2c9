// What was acknowledged stays, and what was repeated acted once, whoever was killed and wherever the line was cut.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { once } from "./scenarios/once.ts";
import { survival } from "./scenarios/survival.ts";
import { type OwnDatabase, startOwnDatabase } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";
import { startOwnServer } from "./stage/server.ts";

// Whole processes that are killed and recover, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

let store: OwnDatabase;
beforeAll(async () => {
  store = await startOwnDatabase({ on: "memory" });
});
afterAll(() => store[Symbol.asyncDispose]());

test("an acknowledged write survives kill -9 of PostgreSQL under 32 writers, three times over", async () => {
  await using server = await startOwnServer({ DATABASE_URL: store.url });
  const size = { cycles: 3, writers: 32, conversations: 4, texts: 30 };
  const { findings, figures } = await survival(store, [server.url], createRandom(1), size);
  expect(findings).toEqual([]);
  expect(figures.acknowledged).toBeGreaterThan(50);
});

test("a repeated call acts once, and what is scheduled is sent once, though lines are cut after the commit and the server is killed", async () => {
  const size = { cutsAfterCommit: 50, kills: 2, writers: 16 };
  const { findings, figures } = await once(store, createRandom(2), size);
  expect(findings).toEqual([]);
  expect(figures.repeats).toBeGreaterThan(50);
  expect(figures["messages scheduled"]).toBeGreaterThan(10);
});
