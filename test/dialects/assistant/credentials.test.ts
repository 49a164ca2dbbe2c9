// Who may name which user in the assistant API: with a credential, and with trust on or off without one.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import type { Credential } from "../../support/servers/identity-server.ts";
import { expectError, PATH } from "./answers.ts";

let trusting: DialectServer;
let strict: DialectServer;
beforeAll(async () => {
  [trusting, strict] = await Promise.all([
    startDialects("assistant"),
    startDialects("assistant", { COLLOQUY_TRUST: "" }),
  ]);
});
afterAll(() => Promise.all([trusting.close(), strict.close()]));

const requests = (userId: string, conversationId: string = randomUUID()) =>
  [
    ["GET", `${PATH}?userId=${userId}`, undefined],
    ["POST", PATH, { userId }],
    ["PUT", PATH, { userId, conversationId, title: "changed" }],
    ["DELETE", PATH, { userId, conversationId }],
  ] as const;

async function statuses(
  server: DialectServer,
  credential: Credential | undefined,
  userId: string,
  conversationId?: string,
) {
  const answers = [];
  for (const [method, path, body] of requests(userId, conversationId)) {
    answers.push((await server.http(method, path, { body, credential })).status);
  }
  return answers;
}

async function create(server: DialectServer, credential: Credential | undefined, userId: string): Promise<string> {
  const answer = await server.http("POST", PATH, { body: { userId, title: "mine" }, credential });
  expect(answer.status, answer.text).toBe(201);
  return answer.json.conversation.id;
}

describe("S2-7 without a credential", () => {
  test("the user id is trusted where trust is on: the user becomes a member", async () => {
    const userId = randomUUID();
    expect(await statuses(trusting, undefined, userId)).toEqual([200, 201, 404, 404]);
    const text = "select role from member where tenant_id = $1 and id = $2";
    const rows = await trusting.server.database.query({ name: "test_role", text }, [trusting.tenant.id, userId]);
    expect(rows).toEqual([{ role: 2 }]);
  });

  test("nobody is served where trust is off", async () => {
    for (const [method, path, body] of requests(randomUUID())) {
      const answer = await strict.http(method, path, { body });
      expectError(answer, 401, "UNAUTHENTICATED");
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });

  test("a trusted user id gives no more than a plain member has, whoever it is", async () => {
    const [admin, user] = [randomUUID(), randomUUID()];
    await trusting.tenant.addMember(admin, { role: "admin" });
    const theirs = await create(trusting, undefined, user);
    expect((await statuses(trusting, undefined, admin, theirs)).slice(2)).toEqual([404, 404]);
  });

  test("a deleted member stays out", async () => {
    const userId = randomUUID();
    await trusting.tenant.addMember(userId);
    const text = "update member set delete_time = now() where tenant_id = $1 and id = $2";
    await trusting.server.database.query({ name: "test_delete", text }, [trusting.tenant.id, userId]);
    for (const [method, path, body] of requests(userId)) {
      expectError(await trusting.http(method, path, { body }), 403, "PERMISSION_DENIED");
    }
  });
});

describe("S2-7 a credential that is given", () => {
  test.each([
    ["a bad token", { authorization: "Bearer nonsense" }],
    ["another scheme", { authorization: "Basic YTpi" }],
    ["a bad key", { "x-api-key": "clq_nonsense" }],
  ])("must be good, also where trust is on: %s", async (_, credential) => {
    for (const server of [trusting, strict]) {
      for (const [method, path, body] of requests(randomUUID())) {
        expectError(await server.http(method, path, { body, credential }), 401, "UNAUTHENTICATED");
      }
    }
  });

  test("lets a member name itself, in either case, and nobody else", async () => {
    const [me, other] = [randomUUID(), randomUUID()];
    const token = await strict.tenant.token(me);
    const mine = await create(strict, token, me.toUpperCase());
    expect(await statuses(strict, token, me, mine)).toEqual([200, 201, 200, 200]);
    await create(strict, await strict.tenant.token(other), other);
    for (const [method, path, body] of requests(other)) {
      expectError(await strict.http(method, path, { body, credential: token }), 403, "PERMISSION_DENIED");
    }
    expect(await statuses(trusting, await trusting.tenant.token(me), other)).toEqual([403, 403, 403, 403]);
  });

  test("lets a manager read and change its subordinates', and create for them", async () => {
    const [boss, report, stranger] = [randomUUID(), randomUUID(), randomUUID()];
    await strict.tenant.addMember(boss, { role: "manager" });
    await strict.tenant.addMember(report, { manager: boss });
    await strict.tenant.addMember(stranger);
    const token = await strict.tenant.token(boss);
    const theirs = await create(strict, await strict.tenant.token(report), report);
    const listed = await strict.http("GET", `${PATH}?userId=${report}`, { credential: token });
    expect(listed.json).toMatchObject({ count: 1, conversations: [{ id: theirs, userId: report }] });
    expect(await statuses(strict, token, report, theirs)).toEqual([200, 201, 200, 200]);
    expect(await statuses(strict, token, stranger)).toEqual([403, 403, 403, 403]);
  });

  test.each([
    ["an administrator", () => strict.tenant.token("admin", "admin")],
    ["an API key", async () => (await strict.tenant.key("read", "write", "admin")).credential],
  ])("lets %s name anybody, who becomes a member when seen for the first time", async (_, credential) => {
    const userId = randomUUID();
    const id = await create(strict, await credential(), userId);
    const own = await strict.http("GET", `${PATH}?userId=${userId}`, { credential: await strict.tenant.token(userId) });
    expect(own.json.conversations).toMatchObject([{ id, userId }]);
    expect(await statuses(strict, await credential(), userId, id)).toEqual([200, 201, 200, 200]);
  });

  test("lets an API key without the scope admin name only those that are members", async () => {
    const { credential } = await strict.tenant.key("read", "write");
    const [known, unknown] = [randomUUID(), randomUUID()];
    await strict.tenant.addMember(known);
    expect(await statuses(strict, credential, known)).toEqual([200, 201, 404, 404]);
    const answer = await strict.http("POST", PATH, { body: { userId: unknown }, credential });
    expectError(answer, 400, "VALIDATION_ERROR", { field: "userId" }, "userId: is no member of the tenant");
  });

  test("does not put back a deleted member", async () => {
    const userId = randomUUID();
    await strict.tenant.addMember(userId);
    const text = "update member set delete_time = now() where tenant_id = $1 and id = $2";
    await strict.server.database.query({ name: "test_delete", text }, [strict.tenant.id, userId]);
    const { credential } = await strict.tenant.key("read", "write", "admin");
    const answer = await strict.http("POST", PATH, { body: { userId }, credential });
    expectError(answer, 400, "VALIDATION_ERROR", { field: "userId" });
  });

  test("lets an API key do what its scopes allow", async () => {
    const userId = randomUUID();
    await strict.tenant.addMember(userId);
    const id = await create(strict, await strict.tenant.token(userId), userId);
    const [read, write] = [await strict.tenant.key("read"), await strict.tenant.key("write")];
    expect(await statuses(strict, read.credential, userId, id)).toEqual([200, 403, 403, 403]);
    // An update answers all messages, so it takes a key that may read them.
    expect(await statuses(strict, write.credential, userId, id)).toEqual([403, 201, 403, 200]);
  });

  test("holds an API key that acts for a member to that member", async () => {
    const [me, other] = [randomUUID(), randomUUID()];
    await strict.tenant.addMember(me);
    await strict.tenant.addMember(other);
    const { credential } = await strict.tenant.key("read", "write");
    const acting = { ...credential, "x-act-for": me };
    expect(await statuses(strict, acting, me)).toEqual([200, 201, 404, 404]);
    expect(await statuses(strict, acting, other)).toEqual([403, 403, 403, 403]);
  });

  test("keeps tenants apart: the same user id in another tenant has nothing of this one", async () => {
    const userId = randomUUID();
    const id = await create(strict, await strict.tenant.token(userId), userId);
    const elsewhere = await (await strict.server.tenant()).token(userId);
    const listed = await strict.http("GET", `${PATH}?userId=${userId}`, { credential: elsewhere });
    expect(listed.json).toMatchObject({ conversations: [], count: 0 });
    expect((await statuses(strict, elsewhere, userId, id)).slice(2)).toEqual([404, 404]);
  });

  test("makes the user take part in what is created for it", async () => {
    const userId = randomUUID();
    const { credential } = await strict.tenant.key("read", "write", "admin");
    const id = await create(strict, credential, userId);
    const text = "select member_id from participant where tenant_id = $1 and conversation_id = $2";
    const rows = await strict.server.database.query({ name: "test_parts", text }, [strict.tenant.id, id]);
    expect(rows).toEqual([{ member_id: userId }]);
  });
});
