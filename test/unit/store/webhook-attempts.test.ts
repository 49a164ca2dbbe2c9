// Attempts of webhooks: the latest of an endpoint are kept, for some days, and to delete the others costs little.
import pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { firstIdAt, newId } from "../../../src/domain/ids/id.ts";
import type { Database } from "../../../src/store/database.ts";
import {
  ATTEMPTS_KEPT,
  deleteOldAttempts,
  listAttempts,
  trimAttempts,
  trimAttemptsStatement,
} from "../../../src/store/webhooks/attempts.ts";
import { openExplainer } from "../../support/postgres/plans.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

const ENDPOINTS = 5;
const MORE = 300;
const DAY_MS = 24 * 3_600_000;

let database: TestDatabase;
let client: pg.Client;
let tenantId: string;
let endpointIds: string[];
const on = {
  query: async ({ text }: { readonly text: string }, values: readonly unknown[]) =>
    (await client.query(text, [...values])).rows,
} as unknown as Database;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});
beforeEach(async () => {
  tenantId = newId();
  endpointIds = Array.from({ length: ENDPOINTS }, newId);
  await client.query("insert into tenant (id, slug, name, secret) values ($1, gen_random_uuid()::text, 'Test', '')", [
    tenantId,
  ]);
  await client.query(
    `insert into webhook_endpoint (tenant_id, id, url, timeout_ms, secret) select $1, unnest($2::uuid[]), 'http://x/', 1, ''`,
    [tenantId, endpointIds],
  );
});

/** Attempts of endpoints, all of them a second apart and the last so long ago. */
async function attempt(endpoints: readonly string[], count: number, agoMs = 0): Promise<void> {
  const ids = Array.from({ length: count }, (_, index) => firstIdAt(Date.now() - agoMs - (count - index) * 1_000));
  await client.query(
    `insert into webhook_attempt (tenant_id, endpoint_id, id, webhook_id, outcome, status, duration_ms, error, response_body,
      event_count) select $1, e, i, 'w', 1, 200, 1, '', '', 1 from unnest($2::uuid[]) e, unnest($3::uuid[]) i`,
    [tenantId, endpoints, ids],
  );
}

async function counts(): Promise<number[]> {
  const text = "select endpoint_id as id, count(*)::integer from webhook_attempt where tenant_id = $1 group by 1";
  const { rows } = await client.query<{ id: string; count: number }>(text, [tenantId]);
  return endpointIds.map((id) => rows.find((row) => row.id === id)?.count ?? 0);
}

test("F-HOOK-ATTEMPTS: of many attempts of an endpoint the latest are kept, and those of others stay", async () => {
  await attempt(endpointIds, ATTEMPTS_KEPT + MORE);
  await trimAttempts(on, tenantId, endpointIds.slice(0, 2));
  const all = ATTEMPTS_KEPT + MORE;
  expect(await counts()).toEqual([ATTEMPTS_KEPT, ATTEMPTS_KEPT, all, all, all]);
  const page = { after: undefined, limit: ATTEMPTS_KEPT + 1, failedOnly: false };
  const kept = await listAttempts(on, tenantId, endpointIds[0] ?? "", page);
  const whole = await listAttempts(on, tenantId, endpointIds[2] ?? "", page);
  expect(kept.map(({ id }) => id)).toEqual(whole.slice(0, ATTEMPTS_KEPT).map(({ id }) => id));
});

test("to trim an endpoint's attempts reads them about once", async () => {
  await attempt(endpointIds, ATTEMPTS_KEPT + MORE);
  await client.query("analyze webhook_attempt");
  await using explainer = await openExplainer(database.url);
  const { rows } = await explainer.explain(trimAttemptsStatement, [tenantId, endpointIds]);
  expect(rows).toBeLessThanOrEqual(3 * ENDPOINTS * (ATTEMPTS_KEPT + MORE));
});

test("attempts of more than 7 days ago are not listed, and are deleted, also if nothing is sent any more", async () => {
  const [idle = "", busy = ""] = endpointIds;
  await attempt([idle, busy], MORE, 7 * DAY_MS);
  await attempt([busy], 10, 6 * DAY_MS);
  const page = { after: undefined, limit: 1_000, failedOnly: false };
  expect(await listAttempts(on, tenantId, idle, page)).toEqual([]);
  expect((await listAttempts(on, tenantId, busy, page)).length).toBe(10);
  expect(await deleteOldAttempts(on, tenantId)).toBe(2 * MORE);
  expect(await deleteOldAttempts(on, tenantId)).toBe(0);
  expect(await counts()).toEqual([0, 10, 0, 0, 0]);
});
