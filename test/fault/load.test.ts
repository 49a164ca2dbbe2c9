// Deadlines are kept, overload is refused in words, pages are stable, and hostile clients cost the others nothing.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { ATTACKS } from "./faults/attacks.ts";
import { deadlines } from "./scenarios/deadlines.ts";
import { hostility } from "./scenarios/hostility.ts";
import { overload } from "./scenarios/overload.ts";
import { paging } from "./scenarios/paging.ts";
import { startOwnApp } from "./stage/app.ts";
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

test("200 callers with deadlines of 1 to 500 ms hear when they have passed, and their queries end in PostgreSQL", async () => {
  const { findings, figures } = await deadlines(tables, createRandom(1), { calls: 200 });
  expect(findings).toEqual([]);
  expect(figures["calls with a deadline"]).toBeGreaterThanOrEqual(200);
});

test("three times what fits is refused with OVERLOADED at once, does nothing, and is over in 2 s", async () => {
  const { findings, figures } = await overload(tables, createRandom(2), { rounds: 2 });
  expect(findings).toEqual([]);
  expect(figures["refused with OVERLOADED"]).toBeGreaterThan(20);
});

test("50 scans while others write neither skip nor repeat", async () => {
  await using app = await startOwnApp({ url: database.url });
  const { findings, figures } = await paging(tables, app.url, createRandom(3), { scans: 50 });
  expect(findings).toEqual([]);
  expect(figures["changes meanwhile"]).toBeGreaterThan(20);
});

test("hostile clients of all kinds end nothing, take no memory for good, and others are served again in 2 s", async () => {
  const { findings, figures } = await hostility(tables, createRandom(4), { milliseconds: 300, lines: 1 });
  expect(findings).toEqual([]);
  expect(figures.attacks).toBe(Object.keys(ATTACKS).length);
});
