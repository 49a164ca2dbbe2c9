// A16: ids that look alike. A19: managers' changes for their subordinates in the dialects that name a user.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectServer, startDialects } from "../support/servers/dialect-server.ts";
import { bearer, type Credential } from "../support/servers/identity-server.ts";

let server: DialectServer;
let key: Credential;
beforeAll(async () => {
  server = await startDialects("assistant/as,helpdesk/hd", { COLLOQUY_TRUST: "none" });
  key = (await server.tenant.key("read", "write", "admin")).credential;
  await server.tenant.addMember("ann");
});
afterAll(() => server.close());

const ILLEGIBLE = [
  ["a space at the end", "ann "],
  ["a space at the beginning", " ann"],
  ["a space alone", " "],
  ["a no-break space", "ann\u00a0"],
  ["an ideographic space", "\u3000ann"],
  ["a tab", "ann\t"],
  ["a line feed", "an\nn"],
  ["DEL", "ann\u007f"],
  ["a C1 control", "an\u0085n"],
  ["a zero width space", "an\u200bn"],
  ["a zero width joiner", "ann\u200d"],
  ["a byte order mark", "\ufeffann"],
  ["a soft hyphen", "an\u00adn"],
  ["a right-to-left override", "\u202eann"],
  ["a line separator", "an\u2028n"],
  ["a Hangul filler", "ann\u3164"],
  ["a tag character", "ann\u{e0061}"],
  ["a private use character", "ann\ue000"],
] as const;

describe.each(ILLEGIBLE)("A16: an id with %s", (_, id) => {
  test("A16: names no member, made by hand, by import or by a token", async () => {
    const path = `/v1/members/${encodeURIComponent(id)}`;
    const put = await server.http("PUT", path, { credential: key, body: {} });
    expect([put.status, put.text]).toEqual([400, expect.stringContaining("member_id")]);
    const token = bearer(
      await server.server.issuer.issue({ tenantId: server.tenant.id, sub: id, role: undefined, ttl: 60 }),
    );
    expect((await server.http("GET", "/v1/whoAmI", { credential: token })).status).toBe(401);
    expect((await server.http("GET", path, { credential: key })).status).not.toBe(200);
  });

  test("A16: names no agent", async () => {
    const made = await server.http("POST", "/v1/agents", { credential: key, body: { name: id, echo: {} } });
    expect([made.status, made.text]).toEqual([400, expect.stringContaining("agent.name")]);
  });
});

test.each(["ann b", "ann-b", "auth0|123", "Ann@example.com", "安", "ʻAnn", "a\u0301"])(
  "A16: %j is an id",
  async (id) => {
    expect(
      (await server.http("PUT", `/v1/members/${encodeURIComponent(id)}`, { credential: key, body: {} })).status,
    ).toBe(200);
  },
);

test("A16: spaces around X-Act-For are none of its value, and there is no member that they could be of", async () => {
  const who = await server.http("GET", "/v1/whoAmI", { credential: { ...key, "x-act-for": "ann" } });
  expect(who.json.memberId).toBe("ann");
  for (const named of ["ann\u00a0", "a\u00adnn"]) {
    const credential = { ...key, "x-act-for": Buffer.from(named).toString("latin1") };
    expect((await server.http("GET", "/v1/whoAmI", { credential })).status).toBe(403);
  }
});

describe("a manager", () => {
  const [mia, top, other] = [randomUUID(), randomUUID(), randomUUID()];
  const [ann, bob] = [randomUUID(), randomUUID()];
  const [seven, eight] = ["7", "8"];
  beforeAll(async () => {
    await server.tenant.addMember(top, { role: "manager" });
    await server.tenant.addMember(mia, { role: "manager", manager: top });
    await server.tenant.addMember(other, { role: "manager" });
    for (const id of [ann, seven]) await server.tenant.addMember(id, { manager: mia });
    for (const id of [bob, eight]) await server.tenant.addMember(id, { manager: other });
  });

  test("A19: changes and deletes what subordinates have in the assistant API, and nothing else", async () => {
    const path = "/as/api/conversations";
    const make = async (userId: string) => {
      const made = await server.http("POST", path, { credential: key, body: { userId, title: "Before" } });
      return made.json.conversation.id as string;
    };
    for (const manager of [mia, top]) {
      const credential = await server.tenant.token(manager);
      const own = { userId: ann, conversationId: await make(ann) };
      const put = await server.http("PUT", path, { credential, body: { ...own, title: "After" } });
      expect([put.status, put.json.conversation?.title]).toEqual([200, "After"]);
      expect((await server.http("DELETE", path, { credential, body: own })).status).toBe(200);
      const foreign = { userId: bob, conversationId: await make(bob) };
      for (const verb of ["PUT", "DELETE"]) {
        expect((await server.http(verb, path, { credential, body: { ...foreign, title: "After" } })).status).toBe(403);
        const slipped = { ...foreign, userId: ann, title: "After" };
        expect((await server.http(verb, path, { credential, body: slipped })).status).toBe(404);
      }
      expect((await server.http("POST", path, { credential, body: { userId: ann, title: "n" } })).status).toBe(201);
      expect((await server.http("POST", path, { credential, body: { userId: bob, title: "n" } })).status).toBe(403);
    }
    const { json } = await server.http("GET", `/v1/auditEntries`, { credential: key });
    const deletions = json.auditEntries.filter(({ action }: { action: string }) => action === "conversation.delete");
    expect(new Set(deletions.map(({ actor }: { actor: { id: string } }) => actor.id))).toEqual(new Set([mia, top]));
  });

  test("A19: changes and deletes what subordinates have in the helpdesk API, and nothing else", async () => {
    const path = "/hd/api/conversations";
    const make = async (user: string) => {
      const body = { user_id: Number(user), agent: "bot", title: "Before" };
      return (await server.http("POST", path, { credential: key, body })).json.data.id as number;
    };
    for (const manager of [mia, top]) {
      const credential = await server.tenant.token(manager);
      const own = `${path}/${await make(seven)}`;
      const put = await server.http("PUT", own, { credential, body: { title: "After" } });
      expect([put.status, put.json.data?.title]).toEqual([200, "After"]);
      expect((await server.http("DELETE", own, { credential })).status).toBe(200);
      const foreign = `${path}/${await make(eight)}`;
      expect((await server.http("PUT", foreign, { credential, body: { title: "After" } })).status).not.toBe(200);
      expect((await server.http("DELETE", foreign, { credential })).status).not.toBe(200);
    }
  });

  test("A19: whoever is no manager changes nobody's else", async () => {
    const made = await server.http("POST", "/as/api/conversations", {
      credential: key,
      body: { userId: bob, title: "t" },
    });
    const body = { userId: bob, conversationId: made.json.conversation.id, title: "After" };
    const credential = await server.tenant.token(ann);
    for (const verb of ["PUT", "DELETE"]) {
      expect((await server.http(verb, "/as/api/conversations", { credential, body })).status).toBe(403);
    }
  });
});
