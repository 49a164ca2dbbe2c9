// A statement with a row budget brings no more bytes of rows into memory, and says that it was cut.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Database, Statement } from "../../../src/store/database.ts";
import { areCut, areHeavy } from "../../../src/store/driver/row-budget.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

const KIB = 1024;
const BUDGET = 400 * KIB;

let fixture: TestDatabase;
let database: Database;
beforeAll(async () => {
  fixture = await createTestDatabase();
  database = await fixture.open();
});
afterAll(() => fixture.drop());

const text = "select n, repeat('x', $1::int) as body from generate_series(1, $2::int) n";
const within: Statement<{ n: number; body: string }> = { name: "rows_within", text, maxBytes: BUDGET };
const whole: Statement<{ n: number; body: string }> = { name: "rows_whole", text };

describe("of rows within a budget of 400 KiB", () => {
  // A row has a few bytes beside its text.
  test.each([
    ["as many as fit are kept", 100 * KIB, 20, 3],
    ["one that fills it alone is kept", 500 * KIB, 20, 1],
    ["all are kept where they fit", 90 * KIB, 4, 4],
  ])("%s", async (_, each, count, kept) => {
    // The first execution describes the rows, the second knows them.
    for (let i = 0; i < 2; i++) {
      const rows = await database.query(within, [each, count]);
      expect(rows.map(({ n, body }) => [n, body.length])).toEqual(
        Array.from({ length: kept }, (_, n) => [n + 1, each]),
      );
      expect([areCut(rows), areHeavy(rows)]).toEqual([kept < count, true]);
    }
  });

  test("few bytes are light", async () => {
    const rows = await database.query(within, [10, 20]);
    expect([rows.length, areCut(rows), areHeavy(rows)]).toEqual([20, false, false]);
  });

  test("a statement without one brings all", async () => {
    const rows = await database.query(whole, [100 * KIB, 20]);
    expect([rows.length, areCut(rows)]).toEqual([20, false]);
  });
});
