// The commands that make tenants, members, keys and tokens, on a database of their own.
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseApiKey } from "../../../src/access/keys/api-key.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres/postgres.ts";
import { runInProcess } from "../../support/servers/command-in-process.ts";
import { runColloquy } from "../../support/servers/process.ts";

let own: TestDatabase;
let dataDir: string;
beforeAll(async () => {
  own = await createTestDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "colloquy-commands-"));
});
afterAll(async () => {
  await own.drop();
  await rm(dataDir, { recursive: true });
});

async function run(...words: string[]): Promise<{ status: number | null; out: string; err: string }> {
  const settings = { DATABASE_URL: own.url, COLLOQUY_DATA_DIR: dataDir };
  const { status, stdout, stderr } = await runInProcess(words, settings);
  return { status, out: stdout.trimEnd(), err: stderr };
}

async function auditOf(action: string): Promise<unknown[]> {
  const database = await own.open();
  const text = "select actor, resource_type, details from audit where tenant_id = $1 and action = $2 order by id";
  const id = (
    await database.query<{ id: string }>({ name: "test_acme", text: "select id from tenant where slug = $1" }, ["acme"])
  )[0]?.id;
  return database.query({ name: "test_audit", text }, [id, action]);
}

describe("tenant create", () => {
  test("prints the id of a tenant, once", async () => {
    const first = await run("tenant", "create", "--slug", "acme", "--name", "Acme");
    expect(first).toMatchObject({ status: 0, out: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    expect(await run("tenant", "create", "--slug", "acme")).toMatchObject({
      status: 1,
      out: "",
      err: 'colloquy: --slug: the tenant "acme" exists already\n',
    });
    expect((await run("tenant", "create", "--slug", "Not a slug")).status).toBe(2);
    const expected = { actor: "system:command", resource_type: "tenant", details: { slug: "acme" } };
    expect(await auditOf("tenant.create")).toEqual([expected]);
  });
});

describe("key create", () => {
  test("prints a key", async () => {
    const { status, out } = await run(
      "key",
      "create",
      "--tenant",
      "acme",
      "--scopes",
      "admin,read",
      "--expires",
      "30d",
    );
    expect(status).toBe(0);
    expect(parseApiKey(out)).toBeDefined();
    const expected = { actor: "system:command", resource_type: "api_key", details: { scopes: ["read", "admin"] } };
    expect(await auditOf("api_key.create")).toEqual([expected]);
  });

  test.each([
    [["--tenant", "nowhere"], 1, 'there is no tenant "nowhere"'],
    [[], 1, 'there is no tenant "default" yet: the first start of a server creates it'],
    [["--tenant", "acme", "--scopes", "everything"], 2, "--scopes"],
    [["--tenant", "acme", "--scopes", ""], 2, "--scopes"],
    [["--tenant", "acme", "--expires", "soon"], 2, "--expires"],
    [["--tenant", "acme", "--expires", "0d"], 2, "--expires"],
    [["--tenant", "acme", "--expires", "999999999d"], 2, "--expires"],
    [["--tenant", "acme", "--name", "n".repeat(201)], 2, "--name"],
  ])("refuses %j", async (words, status, message) => {
    expect(await run("key", "create", ...words)).toMatchObject({
      status,
      out: "",
      err: expect.stringContaining(message),
    });
  });
});

describe("member set", () => {
  test("makes a member, and changes what is named and nothing else", async () => {
    const database = await own.open();
    const set = async (id: string, ...words: string[]) => {
      const outcome = await run("member", "set", "--id", id, ...words, "--tenant", "acme");
      const text = `select m.role, m.manager_id, m.display_name from member m
        join tenant t on t.id = m.tenant_id where t.slug = 'acme' and m.id = $1`;
      const [row] = await database.query({ name: "test_member_row", text }, [id]);
      return { ...outcome, row };
    };
    const boss = { role: 3, manager_id: null, display_name: "B" };
    expect(await set("boss", "--role", "manager", "--name", "B")).toMatchObject({ status: 0, out: "boss", row: boss });
    expect((await set("ann", "--manager", "boss")).row).toMatchObject({ role: 2, manager_id: "boss" });
    expect((await set("ann", "--role", "admin")).row).toMatchObject({ role: 4, manager_id: "boss" });
    expect((await set("ann", "--manager", "none")).row).toMatchObject({ role: 4, manager_id: null });
    expect(await set("boss", "--manager", "boss")).toMatchObject({
      status: 1,
      err: expect.stringContaining("--manager"),
      row: boss,
    });
    expect((await set("key:1")).status).toBe(2);
    expect((await set("ann", "--role", "king")).status).toBe(2);
    expect(await auditOf("member.upsert")).toHaveLength(4);
  });
});

describe("token", () => {
  test("prints a token for a member, signed with a key in the database", async () => {
    const words = ["token", "--tenant", "acme", "--sub", "ann", "--role", "lead", "--ttl", "15m"];
    const { status, stdout, stderr } = await runColloquy(words, { DATABASE_URL: own.url, COLLOQUY_DATA_DIR: dataDir });
    expect([status, stderr]).toEqual([0, ""]);
    const claims = decodeJwt(stdout.trim());
    expect(claims).toMatchObject({ iss: "colloquy", aud: "colloquy", sub: "ann", role: "lead" });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(900);
    await expect(stat(join(dataDir, "issuer.json"))).rejects.toThrow("ENOENT");
  });

  test("warns of a token without a tenant, unless it is a super administrator's", async () => {
    const settings = { DATABASE_URL: own.url, COLLOQUY_DATA_DIR: dataDir };
    const ask = (role: string) => runColloquy(["token", "--sub", "ann", "--role", role], settings);
    const { status, stdout, stderr } = await ask("manager");
    expect([status, decodeJwt(stdout.trim()).sub]).toEqual([0, "ann"]);
    expect(stderr).toMatch(/^colloquy: warning: a token without a tenant .* --tenant default\n$/);
    expect((await ask("super_admin")).stderr).toBe("");
  });

  test.each([
    [["--tenant", "nowhere", "--sub", "a"], 1],
    [["--tenant", "acme"], 2],
    [["--tenant", "acme", "--sub", "a", "--ttl", "2d"], 2],
    [["--tenant", "acme", "--sub", "a", "--ttl", "0s"], 2],
    [["--tenant", "acme", "--sub", "a", "--role", "king"], 2],
  ])("refuses %j", async (words, status) => {
    expect(await run("token", ...words)).toMatchObject({ status, out: "" });
  });
});
