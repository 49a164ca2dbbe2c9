// A stop drops nothing, and a server that dies leaves its callers another.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { restarts, twoServers } from "./scenarios/restart.ts";
import { type Tables, tablesAt } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
let tables: Tables;
beforeAll(async () => {
  database = await createTestDatabase();
  tables = tablesAt(database.url);
});
afterAll(() => database.drop());

/** Some are always under way; many more only keep both processors busy while a server starts. */
const LOAD = { writers: 8, pauseMs: 10 };

test("two stops under load: whatever took effect, its writer was told", async () => {
  const { findings, figures } = await restarts(tables, createRandom(1), { rounds: 2, ...LOAD });
  expect(findings).toEqual([]);
  expect(figures.acknowledged).toBeGreaterThan(50);
});

test("of two servers one is killed, or hangs, and no write is lost or doubled", async () => {
  const { findings, figures } = await twoServers(tables, createRandom(5), { rounds: 2, ...LOAD });
  expect(findings).toEqual([]);
  expect(figures.acknowledged).toBeGreaterThan(50);
});
