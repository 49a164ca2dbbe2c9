// What PostgreSQL's statistics keep of erased words is on the nodes, where the coordinator does not see it.
import { randomUUID } from "node:crypto";
import { expect, inject, test } from "vitest";
import { addTenant } from "../../src/store/directory/tenants.ts";
import { takeSamplesAnew } from "../../src/store/erasure/samples.ts";
import { administer, createTestDatabase, urlOf } from "../support/postgres/postgres.ts";

test("the nodes' samples of what was erased are taken anew", async () => {
  await using own = await createTestDatabase();
  const database = await own.open();
  const tenant = randomUUID();
  await addTenant(database, { id: tenant, slug: "samples", name: "", secret: Buffer.alloc(32) });
  const mark = `erased-${randomUUID()}`;
  const members = "insert into member (tenant_id, id, role) select $1, $2 || n, 2 from generate_series(1, 20) n";
  await administer(own.url, members, [tenant, mark]);
  await administer(own.url, "analyze member");
  // Otherwise shards are hidden.
  const shown = "?options=-c%20citus.override_table_visibility%3Doff";
  const nodes = (inject("postgresWorkers") ?? []).map((url) => urlOf(url, own.name) + shown);
  const sampled = async () => {
    const found = nodes.map((url) => administer(url, "select from pg_stats s where strpos(s::text, $1) > 0", [mark]));
    return (await Promise.all(found)).flat().length;
  };
  expect(await sampled()).toBeGreaterThan(0);
  await administer(own.url, "delete from member where tenant_id = $1", [tenant]);
  await administer(own.url, members, [tenant, "kept"]);
  await takeSamplesAnew(database);
  expect(await sampled()).toBe(0);
});
