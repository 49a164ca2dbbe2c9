import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../../src/domain/ids/id.ts";
import type { Database } from "../../../src/store/database.ts";
import { createKeyStore, createMemberStore, createTenantStore } from "../../../src/store/directory/access.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";

let own: TestDatabase;
let database: Database;
const tenant = newId();
const other = newId();
beforeAll(async () => {
  own = await createTestDatabase();
  database = await own.open();
  const text = "insert into tenant (id, slug, secret) values ($1, 'one', $3), ($2, 'two', $3)";
  await database.query({ name: "test_tenants", text }, [tenant, other, randomBytes(32)]);
});
afterAll(() => own.drop());

async function addKey(columns: Record<string, unknown> = {}): Promise<string> {
  const id = newId();
  const row = {
    tenant_id: tenant,
    id,
    scopes: ["read"],
    secret_hash: Buffer.from("hash"),
    creator: "test",
    ...columns,
  };
  const names = Object.keys(row);
  const text = `insert into api_key (${names.join(", ")}) values (${names.map((_, i) => `$${i + 1}`).join(", ")})`;
  await database.query({ name: `test_key_${names.length}`, text }, Object.values(row));
  return id;
}

describe("keys", () => {
  test("are found in their tenant alone", async () => {
    const id = await addKey({ scopes: ["write", "read"] });
    const keys = createKeyStore(database);
    expect(await keys.find(tenant, id)).toEqual({
      tenantId: tenant,
      keyId: id,
      scopes: new Set(["read", "write"]),
      secrets: [{ hash: Buffer.from("hash"), expiresAt: undefined }],
      expiresAt: undefined,
      revokedAt: undefined,
    });
    expect(await keys.find(other, id)).toBeUndefined();
    expect(await keys.find(tenant, newId())).toBeUndefined();
  });

  test("come with both secrets of a rotation, and with their ends", async () => {
    const at = new Date("2026-01-02T03:04:05.678Z");
    const previous = { previous_secret_hash: Buffer.from("old"), previous_expire_time: at };
    const id = await addKey({ ...previous, expire_time: at, revoke_time: at });
    expect(await createKeyStore(database).find(tenant, id)).toMatchObject({
      secrets: [{ expiresAt: undefined }, { hash: Buffer.from("old"), expiresAt: at.getTime() }],
      expiresAt: at.getTime(),
      revokedAt: at.getTime(),
    });
  });

  test("keep the latest of their uses, in their tenant alone", async () => {
    const [one, two] = [await addKey(), await addKey()];
    const keys = createKeyStore(database);
    await keys.touch([
      { tenantId: tenant, keyId: one, usedAt: 2_000 },
      { tenantId: tenant, keyId: two, usedAt: 3_000 },
      { tenantId: other, keyId: two, usedAt: 9_000 },
    ]);
    await keys.touch([{ tenantId: tenant, keyId: one, usedAt: 1_000 }]);
    const text =
      "select k.last_use_time as time from api_key k where k.tenant_id = $1 and k.id = any($2::uuid[]) order by id";
    expect(await database.query({ name: "test_uses", text }, [tenant, [one, two]])).toEqual([
      { time: new Date(2_000) },
      { time: new Date(3_000) },
    ]);
  });
});

test("tenants are found by id or slug", async () => {
  const tenants = createTenantStore(database);
  expect(await tenants.resolve("one")).toEqual({ id: tenant, slug: "one", outsideReads: 1 });
  expect(await tenants.resolve(tenant)).toEqual({ id: tenant, slug: "one", outsideReads: 1 });
  expect(await tenants.resolve(newId())).toBeUndefined();
  expect(await tenants.resolve("' or true --")).toBeUndefined();
});

describe("members", () => {
  test("are made once, however many ask at once, and then stay as they are", async () => {
    const members = createMemberStore(database);
    expect(await members.find(tenant, "ada")).toBeUndefined();
    const made = await Promise.all(Array.from({ length: 20 }, () => members.ensure(tenant, "ada", "lead")));
    for (const record of made) expect(record).toEqual({ memberId: "ada", role: "lead", deleted: false });
    expect(await members.ensure(tenant, "ada", "admin")).toEqual({ memberId: "ada", role: "lead", deleted: false });
    expect(await members.find(other, "ada")).toBeUndefined();
  });

  test("that are deleted are not made again", async () => {
    const members = createMemberStore(database);
    await members.ensure(tenant, "gone", "member");
    const text = "update member set delete_time = now() where tenant_id = $1 and id = $2";
    await database.query({ name: "test_delete", text }, [tenant, "gone"]);
    expect(await members.ensure(tenant, "gone", "member")).toMatchObject({ deleted: true });
    expect(await members.find(tenant, "gone")).toMatchObject({ deleted: true });
  });
});
