// GET /conversations, credentials and errors, as the work orders' document describes them.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import type { Credential, IdentityTenant } from "../../support/servers/identity-server.ts";

let dialect: DialectServer;
let other: IdentityTenant;
let ann: Credential;
let bob: Credential;

const BASE = "/api/v2/conversations";
const ENTITY = randomUUID();

beforeAll(async () => {
  dialect = await startDialects("workorder");
  other = await dialect.server.tenant();
  for (const name of ["ann", "bob"]) await dialect.tenant.addMember(name);
  ann = await dialect.tenant.token("ann");
  bob = await dialect.tenant.token("bob");
  for (let i = 1; i <= 4; i++) {
    const entity =
      i % 2 ? { entity_type: "work_order", entity_id: ENTITY } : { entity_type: "asset", entity_id: ENTITY };
    await call("POST", "", ann, { subject: `ann ${i}`, ...entity, ...(i === 2 && { participant_user_ids: ["bob"] }) });
  }
  await call("POST", "", bob, { subject: "bob 1" });
  await call("POST", "", await other.token("zed"), { subject: "zed 1" });
});
afterAll(() => dialect.close());

const call = (method: string, path: string, credential: Credential, body?: unknown) =>
  dialect.http(method, BASE + path, { credential, body });

async function subjects(credential: Credential, query = ""): Promise<string[]> {
  const { status, json, text } = await call("GET", query, credential);
  expect(status, text).toBe(200);
  return (json as { subject: string }[]).map(({ subject }) => subject);
}

describe("GET /conversations", () => {
  test("S4-1 lists those in which the caller takes part, as a bare list, newest activity first", async () => {
    expect(await subjects(ann)).toEqual(["ann 4", "ann 3", "ann 2", "ann 1"]);
    expect(await subjects(bob)).toEqual(["bob 1", "ann 2"]);
    const { json } = await call("GET", "", bob);
    const { id } = json[1];
    await call("POST", `/${id}/messages`, ann, { body: "Hello" });
    expect(await subjects(bob)).toEqual(["ann 2", "bob 1"]);
    expect((await call("GET", "", bob)).json[0]).toMatchObject({
      id,
      participants: [{ user_id: "ann" }, { user_id: "bob" }],
      messages: [{ sender_id: "ann", body: "Hello" }],
    });
  });

  test("S4-1 shows the latest 50 messages of each, oldest first", async () => {
    const { json } = await call("POST", "", ann, { subject: "long", participant_user_ids: ["bob"] });
    for (let i = 1; i <= 55; i++) await call("POST", `/${json.id}/messages`, ann, { body: `${i}` });
    const [first] = (await call("GET", "", ann)).json;
    expect(first.messages.map(({ body }: { body: string }) => Number(body))).toEqual(
      Array.from({ length: 50 }, (_, i) => i + 6),
    );
    await call("PATCH", `/${json.id}`, ann, { subject: "long" });
  });

  test("S4-1 shows an administrator its own alone", async () => {
    const admin = await dialect.tenant.token("boss", "admin");
    expect(await subjects(admin)).toEqual([]);
    await call("POST", "", admin, { subject: "boss 1" });
    expect(await subjects(admin)).toEqual(["boss 1"]);
  });

  test("S4-1 filters by entity", async () => {
    expect(await subjects(ann, "?entity_type=work_order")).toEqual(["ann 3", "ann 1"]);
    expect(await subjects(ann, `?entity_type=asset&entity_id=${ENTITY}`)).toEqual(["ann 2", "ann 4"]);
    expect(await subjects(ann, `?entity_id=${randomUUID()}`)).toEqual([]);
  });

  test("S4-1 S4-3 knows the id of an entity in either case", async () => {
    const credential = await other.token("zoe");
    const lower = randomUUID();
    const upper = lower.toUpperCase();
    for (const [subject, id] of Object.entries({ lower, upper })) {
      const { status, json } = await call("POST", "", credential, { subject, entity_type: "asset", entity_id: id });
      expect([status, json.entity_id]).toEqual([201, lower]);
    }
    expect(await subjects(credential, `?entity_id=${lower}`)).toEqual(["upper", "lower"]);
    expect(await subjects(credential, `?entity_id=${upper}`)).toEqual(["upper", "lower"]);
  });

  test("S4-1 pages", async () => {
    const all = await subjects(ann);
    expect(await subjects(ann, "?limit=2")).toEqual(all.slice(0, 2));
    expect(await subjects(ann, "?limit=2&page=2")).toEqual(all.slice(2, 4));
    expect(await subjects(ann, "?limit=100&page=2")).toEqual([]);
    const credential = await other.token("pat");
    for (let i = 1; i <= 51; i++) await call("POST", "", credential, { subject: `${i}` });
    expect(await subjects(credential)).toHaveLength(50);
    expect(await subjects(credential, "?page=2")).toEqual(["1"]);
    expect(await subjects(credential, "?limit=100")).toHaveLength(51);
  });

  const broken: [string, string][] = [
    ["page=0", "page"],
    ["page=x", "page"],
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["entity_id=7", "entity_id"],
  ];
  test.each(broken)("S4-1 answers ?%s with 422 and the parameter", async (query, parameter) => {
    const { status, json } = await call("GET", `?${query}`, ann);
    expect(status).toBe(422);
    expect(json).toEqual({
      detail: [{ loc: ["query", parameter], msg: expect.any(String), type: expect.any(String) }],
    });
  });

  test("S4-1 takes the caller's own organization, by id or slug, and answers 403 for another", async () => {
    const own = await subjects(ann);
    expect(await subjects(ann, `?organization_id=${dialect.tenant.id}`)).toEqual(own);
    expect(await subjects(ann, `?organization_id=${dialect.tenant.slug}`)).toEqual(own);
    const admin = await dialect.tenant.token("boss", "admin");
    for (const organization of [other.id, other.slug, randomUUID()]) {
      for (const credential of [ann, admin]) {
        const { status, json } = await call("GET", `?organization_id=${organization}`, credential);
        expect([status, json]).toEqual([403, { detail: expect.any(String) }]);
      }
    }
  });

  test("S4-1 shows a super administrator all of the organization that it names", async () => {
    const root = await dialect.tenant.token("root", "super_admin");
    expect(await subjects(root)).toEqual([]);
    const orders = await subjects(root, `?organization_id=${dialect.tenant.id}&entity_type=work_order`);
    expect(orders).toEqual(["ann 3", "ann 1"]);
    expect(await subjects(root, `?organization_id=${other.slug}&limit=100`)).toContain("zed 1");
    expect(await subjects(root, `?organization_id=${randomUUID()}`)).toEqual([]);
  });
});

describe("credentials and errors", () => {
  test("S4-7 answers 401 without a JWT, to a bad one and to an API key", async () => {
    const key = await dialect.tenant.key("read", "write", "admin");
    for (const credential of [{}, { authorization: "Bearer x" }, key.credential, { "x-api-key": key.text }]) {
      for (const [method, body] of [
        ["GET", undefined],
        ["POST", { subject: "" }],
      ] as const) {
        const { status, headers, json } = await call(method, "", credential as Credential, body);
        expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
        expect(json).toEqual({ detail: expect.any(String) });
      }
    }
  });

  test("S4-7 answers 403 to a JWT that names no organization", async () => {
    const root = await dialect.server.superAdmin();
    const id = randomUUID();
    for (const [method, path, body] of [
      ["GET", "", undefined],
      ["GET", `?organization_id=${dialect.tenant.id}`, undefined],
      ["POST", "", { subject: "x" }],
      ["GET", `/${id}`, undefined],
      ["PATCH", `/${id}`, {}],
      ["GET", `/${id}/messages`, undefined],
      ["POST", `/${id}/messages`, { body: "x" }],
    ] as const) {
      const { status, json } = await call(method, path, root, body);
      expect([status, json]).toEqual([403, { detail: expect.any(String) }]);
    }
  });

  test("S4-7 answers malformed JSON with 422, an unknown path with 404, a wrong method with 405", async () => {
    const malformed = await dialect.http("POST", BASE, { credential: ann, raw: "{" });
    expect([malformed.status, malformed.json]).toEqual([
      422,
      { detail: [{ loc: ["body"], msg: expect.any(String), type: "json_invalid" }] },
    ]);
    const unknown = await call("GET", `/${randomUUID()}/participants`, ann);
    expect([unknown.status, unknown.json]).toEqual([404, { detail: expect.any(String) }]);
    const wrong = await call("DELETE", `/${randomUUID()}`, ann);
    expect([wrong.status, wrong.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS, PATCH"]);
    expect(wrong.json).toEqual({ detail: expect.any(String) });
  });

  test("S4-7 answers 413 to a body past 4 MiB", async () => {
    const { status, json } = await call("POST", "", ann, { subject: "x", note: "x".repeat(5_000_000) });
    expect([status, json]).toEqual([413, { detail: expect.any(String) }]);
  });

  test("S4-7 answers 503 with Retry-After while the database is down", async () => {
    const down = await startDialects("workorder");
    try {
      const credential = await down.tenant.token("ann");
      expect((await down.http("GET", BASE, { credential })).status).toBe(200);
      await down.server.database.close();
      const { status, headers, json } = await down.http("GET", BASE, { credential });
      expect([status, json]).toEqual([503, { detail: expect.any(String) }]);
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
    } finally {
      await down.close();
    }
  });
});
