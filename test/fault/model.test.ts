// The store against a model of it in memory; failures that were found become cases here.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { disagreement } from "./model/agree.ts";
import { type Command, Model } from "./model/model.ts";
import { model } from "./scenarios/model.ts";
import { type OwnApp, startOwnApp } from "./stage/app.ts";
import { tablesAt } from "./stage/database.ts";
import { createRandom } from "./stage/random.ts";

vi.setConfig({ testTimeout: 120_000 });

let database: TestDatabase;
let app: OwnApp;
beforeAll(async () => {
  database = await createTestDatabase();
  app = await startOwnApp({ url: database.url });
});
afterAll(async () => {
  await app[Symbol.asyncDispose]();
  await database.drop();
});

test("random commands over random wires, alone and at once, do what the model does", async () => {
  const { findings } = await model(tablesAt(database.url), createRandom(1), { runs: 30 });
  expect(findings).toEqual([]);
});

describe("a sequence that is worth keeping", () => {
  const sequences: Record<string, readonly Command[]> = {
    "a message that is deleted with its conversation comes back with it, and one that was before does not": [
      { op: "send", conversation: 0, texts: ["a", "b"] },
      { op: "delete", conversation: 0, seq: 1 },
      { op: "delete conversation", conversation: 0 },
      { op: "list", conversation: 0 },
      { op: "restore conversation", conversation: 0 },
      { op: "list", conversation: 0 },
      { op: "list deleted", conversation: 0 },
      { op: "log", conversation: 0 },
    ],
    "an edit that changes nothing leaves no trace": [
      { op: "send", conversation: 0, texts: ["a"] },
      { op: "edit", conversation: 0, seq: 1, text: "a" },
      { op: "log", conversation: 0 },
      { op: "get", conversation: 0 },
    ],
  };
  test.each(Object.entries(sequences))("%s", async (_, commands) => {
    const given = commands.map((command) => [{ command, wire: "gRPC" as const, twice: true }]);
    expect(await disagreement({ url: app.url, tables: tablesAt(database.url) }, given)).toBeUndefined();
  });
});

test("a store that answers otherwise is found out", async () => {
  const wrong = new Model(2);
  wrong.apply({ op: "send", conversation: 0, texts: ["what nobody sent"] });
  const given = [[{ command: { op: "get", conversation: 0 } as const, wire: "gRPC" as const, twice: false }]];
  const tables = tablesAt(database.url);
  expect(await disagreement({ url: app.url, tables }, given, wrong)).toMatch(
    /get.*0 messages, at 0, not .*1 messages, at 1/,
  );
});
