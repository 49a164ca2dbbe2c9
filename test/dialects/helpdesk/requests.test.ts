// Every field and parameter of the helpdesk API: its default, its bounds, and past them; and what fails beside them.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import { administer } from "../../support/postgres/postgres.ts";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import { COMPAT, expectError, PATH } from "./answers.ts";

let server: DialectServer;
beforeAll(async () => {
  server = await startDialects(COMPAT);
});
afterAll(() => server.close());

let users = 1000;
const EXAMPLE = { agent: "support_bot", title: "Help with login" };

async function create(userId: number, more: object = {}): Promise<number> {
  const answer = await server.http("POST", PATH, { body: { user_id: userId, ...EXAMPLE, ...more } });
  expect(answer.status, answer.text).toBe(201);
  return answer.json.data.id;
}

/** Conversations of a new user, straight into the database: no number has been given to them. */
async function userWith(count: number): Promise<number> {
  const userId = ++users;
  await server.tenant.addMember(String(userId));
  const ids = Array.from({ length: count }, () => newId());
  const text = `insert into conversation (tenant_id, id, title, owner_id, creator)
    select $1, c.id, c.ordinal::text, $2, $2 from unnest($3::uuid[]) with ordinality c(id, ordinal)`;
  await server.server.database.query({ name: "test_fill", text }, [server.tenant.id, String(userId), ids]);
  return userId;
}

const list = (query: string) => server.http("GET", `${PATH}?${query}`);
const titles = async (query: string) => (await list(query)).json.data.map((c: { title: string }) => c.title);
const down = (from: number, to: number) => Array.from({ length: from - to + 1 }, (_, i) => String(from - i));

describe("S3-1 POST", () => {
  test.each([["user_id"], ["agent"], ["title"]])("needs %s", async (field) => {
    const body: Record<string, unknown> = { user_id: 1, ...EXAMPLE };
    delete body[field];
    const missing = await server.http("POST", PATH, { body });
    expectError(missing, 400);
    expect(missing.json.message).toMatch(new RegExp(`^${field}: `));
    expectError(await server.http("POST", PATH, { body: { ...body, [field]: null } }), 400);
  });

  test.each<[string, unknown]>([
    ["user_id", 0],
    ["user_id", -1],
    ["user_id", 1.5],
    ["user_id", "one"],
    ["user_id", 2 ** 53],
    ["user_id", true],
    ["user_id", {}],
    ["agent", ""],
    ["agent", "a".repeat(201)],
    ["agent", 7],
    ["title", ""],
    ["title", "t".repeat(501)],
    ["title", ["Help"]],
    ["title", "a\u0000b"],
  ])("refuses %s %j", async (field, value) => {
    const answer = await server.http("POST", PATH, { body: { user_id: 1, ...EXAMPLE, [field]: value } });
    expectError(answer, 400);
    expect(answer.json.message).toMatch(new RegExp(`^${field}: `));
  });

  test("takes the longest texts, the largest user id, and any name for an agent", async () => {
    const body = { user_id: Number.MAX_SAFE_INTEGER, agent: "ä".repeat(200), title: "t".repeat(500) };
    const answer = await server.http("POST", PATH, { body });
    expect([answer.status, answer.json.data]).toMatchObject([201, body]);
  });

  test("ignores fields that it does not know", async () => {
    expect((await server.http("POST", PATH, { body: { user_id: 1, ...EXAMPLE, id: 99, x: {} } })).status).toBe(201);
  });

  test("counts ids in the tenant, one after the other, also of many at once", async () => {
    const first = await create(1);
    const ids = await Promise.all(Array.from({ length: 10 }, () => create(2)));
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, i) => first + 1 + i));
  });

  test("acts once for one Idempotency-Key", async () => {
    const call = { body: { user_id: 3, ...EXAMPLE }, headers: { "idempotency-key": "k" } };
    const [first, second] = [await server.http("POST", PATH, call), await server.http("POST", PATH, call)];
    expect([second.status, second.text]).toEqual([201, first.text]);
    expect(await titles("user_id=3")).toHaveLength(1);
  });
});

describe("S3-2 GET one", () => {
  test("tells times in UTC and whole seconds", async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    const { data } = (await server.http("GET", `${PATH}/${await create(1)}`)).json;
    expect(data.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Date.parse(data.created_at)).toBeGreaterThanOrEqual(before);
  });

  test.each(["0", "-1", "1.5", "abc", "01", "1e1", "%20", "99999999999999999999999"])(
    "refuses the id %s, with every method",
    async (id) => {
      expectError(await server.http("GET", `${PATH}/${id}`), 400);
      expectError(await server.http("PUT", `${PATH}/${id}`, { body: { title: "x" } }), 400);
      expectError(await server.http("DELETE", `${PATH}/${id}`), 400);
    },
  );

  test.each(["4000000", "9223372036854775807", "18446744073709551615"])("does not find %s", async (id) => {
    expectError(await server.http("GET", `${PATH}/${id}`), 404, "Conversation not found");
  });

  test("does not find a conversation whose owner is no number", async () => {
    await server.tenant.addMember("auth0|1");
    const token = await server.tenant.token("auth0|1");
    const client = server.server.client(ConversationService, token);
    const { conversation } = await client.createConversation({});
    const ids = { conversationIds: [conversation?.id ?? ""] };
    const { numbers } = await client.assignConversationNumbers(ids);
    expectError(await server.http("GET", `${PATH}/${numbers[0]?.number}`), 404, "Conversation not found");
  });
});

describe("S3-3 GET many", () => {
  test("answers the newest 10 unless told otherwise", async () => {
    const userId = await userWith(12);
    expect(await titles(`user_id=${userId}`)).toEqual(down(12, 3));
  });

  test.each([
    ["limit=1", down(12, 12)],
    ["limit=12", down(12, 1)],
    ["limit=13", down(12, 1)],
    ["limit=99999999999", down(12, 1)],
    ["offset=0&limit=2", down(12, 11)],
    ["offset=2&limit=3", down(10, 8)],
    ["offset=11", down(1, 1)],
    ["offset=12", []],
    ["offset=99999999999", []],
  ])("takes %s", async (query, expected) => {
    const userId = await userWith(12);
    expect(await titles(`user_id=${userId}&${query}`)).toEqual(expected);
  });

  test("answers at most 1,000, and numbers them all, the older one first", async () => {
    const userId = await userWith(1003);
    const answer = await list(`user_id=${userId}&limit=5000`);
    expect(answer.json.data.map((c: { title: string }) => c.title)).toEqual(down(1003, 4));
    const ids = answer.json.data.map((c: { id: number }) => c.id);
    expect(ids).toEqual(Array.from({ length: 1000 }, (_, i) => ids[0] - i));
    expect((await list(`user_id=${userId}&limit=1&offset=2`)).json.data[0].id).toBe(ids[2]);
  });

  test("shows nobody else's, and nothing deleted", async () => {
    const [userId, other] = [await userWith(0), await userWith(1)];
    const [a, b] = [await create(userId, { title: "a" }), await create(userId, { title: "b" })];
    await server.http("DELETE", `${PATH}/${a}`);
    expect((await list(`user_id=${userId}`)).json.data).toMatchObject([{ id: b, user_id: userId }]);
    expect(await titles(`user_id=${other}`)).toEqual(["1"]);
  });

  test("is empty for a user that was never seen", async () => {
    expect((await list("user_id=987654321")).text).toBe('{"status_code":200,"message":"Success","data":[]}');
  });

  test.each([
    ["", "user_id"],
    ["user_id=", "user_id"],
    ["user_id=0", "user_id"],
    ["user_id=-1", "user_id"],
    ["user_id=1.5", "user_id"],
    ["user_id=one", "user_id"],
    ["user_id=1&user_id=2", "user_id"],
    ["user_id=1&limit=0", "limit"],
    ["user_id=1&limit=-1", "limit"],
    ["user_id=1&limit=ten", "limit"],
    ["user_id=1&limit=", "limit"],
    ["user_id=1&offset=-1", "offset"],
    ["user_id=1&offset=1.5", "offset"],
  ])("refuses %j", async (query, field) => {
    const answer = await list(query);
    expectError(answer, 400);
    expect(answer.json.message).toMatch(new RegExp(`^${field}: `));
  });

  test("ignores parameters that it does not know", async () => {
    expect((await list("user_id=1&page=2&_=3")).status).toBe(200);
  });
});

describe("S3-4 PUT", () => {
  test.each([
    [{ title: "New" }, { title: "New", agent: "support_bot" }],
    [{ agent: "new_bot" }, { title: "Help with login", agent: "new_bot" }],
    [
      { agent: "new_bot", title: null },
      { title: "Help with login", agent: "new_bot" },
    ],
    [
      { title: "T".repeat(500), agent: "A".repeat(200) },
      { title: "T".repeat(500), agent: "A".repeat(200) },
    ],
  ])("changes only what is given: %j", async (body, expected) => {
    const id = await create(1);
    const answer = await server.http("PUT", `${PATH}/${id}`, { body });
    expect([answer.status, answer.json.data]).toMatchObject([200, { id, user_id: 1, ...expected }]);
    expect((await server.http("GET", `${PATH}/${id}`)).json.data).toEqual(answer.json.data);
  });

  test.each<[unknown]>([
    [{}],
    [{ title: null, agent: null }],
    [{ status: "closed" }],
    [{ title: "" }],
    [{ title: "t".repeat(501) }],
    [{ agent: "" }],
    [{ agent: "a".repeat(201) }],
    [{ title: 5 }],
    [[]],
    ["title"],
  ])("refuses %j", async (body) => {
    const id = await create(1);
    expectError(await server.http("PUT", `${PATH}/${id}`, { body }), 400);
    expect((await server.http("GET", `${PATH}/${id}`)).json.data).toMatchObject(EXAMPLE);
  });

  test("refuses no body at all", async () => {
    expectError(await server.http("PUT", `${PATH}/${await create(1)}`), 400);
  });

  test("does not find what is gone", async () => {
    const id = await create(1);
    await server.http("DELETE", `${PATH}/${id}`);
    const answer = await server.http("PUT", `${PATH}/${id}`, { body: { title: "x" } });
    expectError(answer, 404, "Conversation not found");
  });
});

describe("S3-5 DELETE", () => {
  test("does not find what is gone; its id is not given again", async () => {
    const id = await create(1);
    expect((await server.http("DELETE", `${PATH}/${id}`)).status).toBe(200);
    expectError(await server.http("DELETE", `${PATH}/${id}`), 404, "Conversation not found");
    expect(await create(1)).toBe(id + 1);
  });

  test("with one Idempotency-Key answers a repeat as it did first", async () => {
    const path = `${PATH}/${await create(1)}`;
    const headers = { "idempotency-key": "gone" };
    const answers = [await server.http("DELETE", path, { headers }), await server.http("DELETE", path, { headers })];
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe("S3-6 errors, in the shape of every answer", () => {
  test("say 404 for unknown routes below /api", async () => {
    for (const path of ["/desk/api", "/desk/api/users", `${PATH}/1/messages`]) {
      expectError(await server.http("GET", path), 404, "Not found");
    }
  });

  test("say 405 for a wrong method, and which there are", async () => {
    const [one, many] = [await server.http("PATCH", `${PATH}/1`), await server.http("DELETE", PATH)];
    expectError(one, 405);
    expectError(many, 405);
    expect(one.headers.get("allow")).toBe("DELETE, GET, HEAD, OPTIONS, PUT");
    expect(many.headers.get("allow")).toBe("GET, HEAD, OPTIONS, POST");
  });

  test.each([["{"], [""], ["[]"], ["null"], ["1"], ['{"user_id":1,"user_id":2}']])(
    "say 400 for the body %j",
    async (raw) => {
      expectError(await server.http("POST", PATH, { raw }), 400);
    },
  );

  test("say 413 for a body over 4 MiB", async () => {
    const raw = JSON.stringify({ user_id: 1, ...EXAMPLE, padding: "x".repeat(4 << 20) });
    expectError(await server.http("POST", PATH, { raw }), 413);
  });

  test("say 415 for a body that is not said to be JSON", async () => {
    const call = { body: { user_id: 1, ...EXAMPLE }, headers: { "content-type": "text/plain" } };
    expectError(await server.http("POST", PATH, call), 415);
  });

  test("say 503 and when to come back while the database is down", async () => {
    const broken = await startDialects(COMPAT);
    expect((await broken.http("GET", `${PATH}?user_id=1`)).status).toBe(200);
    const name = { name: "test_name", text: "select current_database() as name" };
    const [row] = await broken.server.database.query<{ name: string }>(name as never, []);
    await administer(broken.postgresUrl, `drop database ${row?.name} with (force)`);
    const answers = [
      await broken.http("GET", `${PATH}?user_id=1`),
      await broken.http("GET", `${PATH}?user_id=2`),
      await broken.http("GET", `${PATH}/1`),
      await broken.http("POST", PATH, { body: { user_id: 1, ...EXAMPLE } }),
      await broken.http("PUT", `${PATH}/1`, { body: { title: "x" } }),
      await broken.http("DELETE", `${PATH}/1`),
    ];
    for (const answer of answers) {
      expectError(answer, 503);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    await broken.close();
  });
});
