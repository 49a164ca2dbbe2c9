// All entries of a turn that a write whose answer was lost has added, however many pages they take.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Queryable } from "../../../src/store/database.ts";
import { RowBudget } from "../../../src/store/driver/row-budget.ts";
import { allTurnEntries } from "../../../src/store/turns/entries.ts";

const PLACE = { tenantId: "t", conversationId: "c", id: "turn" };

/** Reads as the driver does: so many rows at most, and fewer where they are too large together. */
function storeOf(sizes: readonly number[], maxBytes: number): Queryable & { reads: number } {
  const store = {
    reads: 0,
    async query(_: unknown, values: readonly unknown[]) {
      store.reads++;
      const [, , , after, upto, limit] = values as [string, string, string, bigint, bigint, number];
      const budget = new RowBudget(maxBytes, true);
      const rows: { seq: bigint }[] = [];
      for (let seq = after + 1n; seq <= upto && seq <= sizes.length && rows.length < limit; seq++) {
        if (!budget.takes(sizes[Number(seq) - 1] ?? 0)) break;
        rows.push({ seq });
      }
      budget.note(rows);
      return rows as never[];
    },
  };
  return store;
}

test("all entries after one and up to another come, each once and in order", async () => {
  const size = fc.oneof(fc.nat(10), fc.nat(2_000));
  await fc.assert(
    fc.asyncProperty(
      fc.array(size, { maxLength: 250 }),
      fc.nat(250),
      fc.nat(250),
      fc.integer({ min: 1, max: 5_000 }),
      async (sizes, after, upto, maxBytes) => {
        const store = storeOf(sizes, maxBytes);
        const rows = await allTurnEntries(store, PLACE, BigInt(after), BigInt(upto));
        const last = Math.min(upto, sizes.length);
        const expected = Array.from({ length: Math.max(last - after, 0) }, (_, i) => BigInt(after + i + 1));
        expect(rows.map(({ seq }) => seq)).toEqual(expected);
        expect(store.reads).toBeLessThanOrEqual(expected.length + 1);
      },
    ),
    { numRuns: 100 },
  );
});

test("a page that is just full is not the last one", async () => {
  const store = storeOf(
    Array.from({ length: 100 }, () => 1),
    1_000,
  );
  expect(await allTurnEntries(store, PLACE, 0n, 100n)).toHaveLength(100);
  expect(store.reads).toBe(2);
});
