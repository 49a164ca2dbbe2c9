// Who may name which user, and touch whose conversation, in the helpdesk API.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import type { Credential } from "../../support/servers/identity-server.ts";
import { COMPAT, expectError, PATH } from "./answers.ts";

let trusting: DialectServer;
let strict: DialectServer;
beforeAll(async () => {
  [trusting, strict] = await Promise.all([startDialects(COMPAT), startDialects(COMPAT, { COLLOQUY_TRUST: "" })]);
});
afterAll(() => Promise.all([trusting.close(), strict.close()]));

let last = 0;
const newUser = () => ++last;

const byUser = (userId: number) =>
  [
    ["POST", PATH, { user_id: userId, agent: "a", title: "t" }],
    ["GET", `${PATH}?user_id=${userId}`, undefined],
  ] as const;
const byId = (id: number) =>
  [
    ["GET", `${PATH}/${id}`, undefined],
    ["PUT", `${PATH}/${id}`, { title: "changed" }],
    ["DELETE", `${PATH}/${id}`, undefined],
  ] as const;

type Request = readonly [method: string, path: string, body: object | undefined];

async function statuses(server: DialectServer, requests: readonly Request[], credential?: Credential) {
  const answers: number[] = [];
  for (const [method, path, body] of requests)
    answers.push((await server.http(method, path, { body, credential })).status);
  return answers;
}

async function create(server: DialectServer, userId: number, credential?: Credential): Promise<number> {
  const body = { user_id: userId, agent: "a", title: "mine" };
  const answer = await server.http("POST", PATH, { body, credential });
  expect(answer.status, answer.text).toBe(201);
  return answer.json.data.id;
}

describe("without a credential", () => {
  test("the user id is trusted where trust is on, and a conversation is touched as its owner", async () => {
    const user = newUser();
    expect(await statuses(trusting, byUser(user))).toEqual([201, 200]);
    const id = await create(trusting, user);
    expect(await statuses(trusting, byId(id))).toEqual([200, 200, 200]);
    const text = "select actor from event where tenant_id = $1 and actor <> $2";
    const others = await trusting.server.database.query({ name: "test_actors", text }, [
      trusting.tenant.id,
      String(user),
    ]);
    expect(others).toEqual([]);
  });

  test("nobody is served where trust is off", async () => {
    for (const [method, path, body] of [...byUser(1), ...byId(1)]) {
      const answer = await strict.http(method, path, { body });
      expectError(answer, 401);
      expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
    }
  });

  test("what another tenant numbered is not found", async () => {
    const user = newUser();
    const elsewhere = await trusting.server.tenant();
    const token = await elsewhere.token(String(user));
    const body = { user_id: user, agent: "a", title: "theirs" };
    await Promise.all(Array.from({ length: 5 }, () => trusting.http("POST", PATH, { body, credential: token })));
    expect((await trusting.http("GET", `${PATH}?user_id=${user}`)).json.data).toEqual([]);
    const highest = await create(trusting, user);
    expect(await statuses(trusting, byId(highest + 1))).toEqual([404, 404, 404]);
  });
});

describe("a credential that is given", () => {
  test("must be good, also where trust is on", async () => {
    for (const server of [trusting, strict]) {
      for (const [method, path, body] of [...byUser(1), ...byId(1)]) {
        const credential = { authorization: "Bearer nonsense" };
        expectError(await server.http(method, path, { body, credential }), 401);
      }
    }
  });

  test("lets a member name itself; another is forbidden, and another's conversation not found", async () => {
    const [me, other] = [newUser(), newUser()];
    const [token, theirs] = [await strict.tenant.token(String(me)), await strict.tenant.token(String(other))];
    const mine = await create(strict, me, token);
    expect(await statuses(strict, byUser(me), token)).toEqual([201, 200]);
    expect(await statuses(strict, byId(mine), token)).toEqual([200, 200, 200]);
    const foreign = await create(strict, other, theirs);
    for (const [method, path, body] of byUser(other)) {
      expectError(await strict.http(method, path, { body, credential: token }), 403);
    }
    for (const [method, path, body] of byId(foreign)) {
      expectError(await strict.http(method, path, { body, credential: token }), 404, "Conversation not found");
    }
    expect(await statuses(trusting, byUser(other), await trusting.tenant.token(String(me)))).toEqual([403, 403]);
  });

  test("does not show a member what it only takes part in", async () => {
    const [owner, guest] = [newUser(), newUser()];
    const id = await create(strict, owner, await strict.tenant.token(String(owner)));
    const token = await strict.tenant.token(String(guest));
    await statuses(strict, byUser(guest), token);
    const text = `insert into participant (tenant_id, conversation_id, member_id, join_seq)
      select $1, id, $2, 0 from conversation where tenant_id = $1 and number = $3`;
    await strict.server.database.query({ name: "test_guest", text }, [strict.tenant.id, String(guest), id]);
    expect(await statuses(strict, byId(id), token)).toEqual([404, 404, 404]);
  });

  test("lets a manager read and change its subordinates', and create for them", async () => {
    const [boss, report] = [newUser(), newUser()];
    await strict.tenant.addMember(String(boss), { role: "manager" });
    await strict.tenant.addMember(String(report), { manager: String(boss) });
    const token = await strict.tenant.token(String(boss));
    const theirs = await create(strict, report, await strict.tenant.token(String(report)));
    expect(await statuses(strict, byUser(report), token)).toEqual([201, 200]);
    expect(await statuses(strict, byId(theirs), token)).toEqual([200, 200, 200]);
  });

  test.each([
    ["an administrator", () => strict.tenant.token("admin", "admin")],
    ["an API key", async () => (await strict.tenant.key("read", "write", "admin")).credential],
  ])("lets %s name anybody and touch everything", async (_, credential) => {
    const user = newUser();
    const id = await create(strict, user, await credential());
    expect(await statuses(strict, byUser(user), await credential())).toEqual([201, 200]);
    expect(await statuses(strict, byId(id), await credential())).toEqual([200, 200, 200]);
  });

  test("lets an API key without the scope admin name only those that are members", async () => {
    const { credential } = await strict.tenant.key("read", "write");
    const body = { user_id: newUser(), agent: "a", title: "t" };
    expectError(await strict.http("POST", PATH, { body, credential }), 400, "user_id: is no member of the tenant");
  });

  test("lets an API key do what its scopes allow", async () => {
    const user = newUser();
    const id = await create(strict, user, await strict.tenant.token(String(user)));
    const [read, write] = [await strict.tenant.key("read"), await strict.tenant.key("write")];
    expect(await statuses(strict, [...byUser(user), ...byId(id)], read.credential)).toEqual([403, 200, 200, 403, 403]);
    expect(await statuses(strict, [...byUser(user), ...byId(id)], write.credential)).toEqual([201, 403, 403, 200, 200]);
  });
});
