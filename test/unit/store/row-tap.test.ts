// Rows reach their statement in bytes, past pg's parser; everything else, and the rows of others, reach pg.
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Database, Statement } from "../../../src/store/database.ts";
import { PreparedQuery } from "../../../src/store/driver/prepared-query.ts";
import { RowTap } from "../../../src/store/driver/row-parser.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

describe("what a connection receives", () => {
  /** A message: its type, its length, its bytes. */
  const message = (type: string, bytes: string) => {
    const body = Buffer.from(bytes);
    const head = Buffer.alloc(5);
    head.write(type, "latin1");
    head.writeUInt32BE(4 + body.length, 1);
    return Buffer.concat([head, body]);
  };
  const messages = fc.array(fc.tuple(fc.constantFrom("D", "T", "C", "Z"), fc.string({ maxLength: 40 })));

  it("comes in its order, however it is cut: rows to the sink, the rest to pg", () => {
    fc.assert(
      fc.property(messages, fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (sent, cuts) => {
        const seen: string[] = [];
        const tap = new RowTap(
          (bytes) => seen.push(bytes.toString()),
          () => () => ({}),
        );
        tap.sink = { takeRow: (bytes, start) => seen.push(`row ${bytes.readUInt32BE(start - 6)}`) };
        const all = Buffer.concat(sent.map(([type, bytes]) => message(type, bytes)));
        for (let at = 0; at < all.length; ) {
          const end = at + (cuts.next().value ?? 1);
          tap.receive(all.subarray(at, end));
          at = end;
        }
        const wanted = sent.map(([type, bytes]) => {
          const whole = message(type, bytes);
          return type === "D" ? `row ${whole.length - 1}` : whole.toString();
        });
        expect(seen.join("")).toBe(wanted.join(""));
      }),
    );
  });

  it("goes to pg as it is while nobody wants the rows", () => {
    const seen: Buffer[] = [];
    const tap = new RowTap(
      (bytes) => seen.push(bytes),
      () => () => ({}),
    );
    const all = Buffer.concat([message("T", "a"), message("D", "b"), message("D", "c"), message("C", "d")]);
    tap.receive(all);
    expect(seen).toEqual([all]);
  });
});

describe("a statement", () => {
  const rows: Statement = {
    name: "tapped_rows",
    text: "select n, repeat('ä', n * 400) as text, null::text as nothing from generate_series(1, 60) n",
  };
  const wanted = Array.from({ length: 60 }, (_, i) => ({ n: i + 1, text: "ä".repeat((i + 1) * 400), nothing: null }));
  let fixture: TestDatabase;
  let database: Database;
  beforeAll(async () => {
    fixture = await createTestDatabase();
    database = await fixture.open();
  });
  afterAll(() => fixture.drop());

  it("gets its rows past pg, on its first use and later", async () => {
    const taken = vi.spyOn(PreparedQuery.prototype, "takeRow");
    const byPg = vi.spyOn(PreparedQuery.prototype, "handleDataRow");
    expect(await database.query(rows, [])).toEqual(wanted);
    expect(await database.query(rows, [])).toEqual(wanted);
    expect(taken).toHaveBeenCalledTimes(120);
    // Were it otherwise, pg no longer has what the tap is put into: rows would still come, but slowly.
    expect(byPg).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it("leaves the rows of MikroORM's queries, which share the connections, to pg", async () => {
    await database.query(rows, []);
    const found = await (await database.fork()).getConnection().execute("select 1 as one union select 2");
    expect(found).toEqual([{ one: 1 }, { one: 2 }]);
  });

  it("that fails leaves the connection to the next", async () => {
    const broken: Statement = { name: "tapped_broken", text: "select 1 / (3 - n) as q from generate_series(1, 5) n" };
    for (let i = 0; i < 20; i++) {
      await expect(database.query(broken, [])).rejects.toThrow("division by zero");
      expect(await (await database.fork()).getConnection().execute("select 1 as one")).toEqual([{ one: 1 }]);
    }
  });

  it("gets its rows from pg where there is no tap", async () => {
    const query = new PreparedQuery(rows, []);
    const result = new Promise((resolve) => {
      query.callback = (_, found) => resolve(found?.rows);
    });
    query.handleRowDescription({
      fields: [
        { name: "n", dataTypeID: 23 },
        { name: "text", dataTypeID: 25 },
        { name: "nothing", dataTypeID: 25 },
      ],
    });
    query.handleDataRow({ fields: ["1", "ä", null] });
    query.handleReadyForQuery();
    expect(await result).toEqual([{ n: 1, text: "ä", nothing: null }]);
  });
});
