// GET /conversations/user, as the call center's document describes it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import type { Credential } from "../../support/servers/identity-server.ts";

let dialect: DialectServer;
const who: Record<string, Credential> & { ann?: Credential; boss?: Credential; key?: Credential } = {};

beforeAll(async () => {
  dialect = await startDialects("callcenter");
  const { tenant } = dialect;
  await tenant.addMember("top", { role: "manager" });
  await tenant.addMember("mia", { role: "manager", manager: "top" });
  await tenant.addMember("ann", { manager: "mia" });
  await tenant.addMember("bob");
  for (const name of ["top", "mia", "ann", "bob"]) who[name] = await tenant.token(name);
  who.boss = await tenant.token("boss", "admin");
  for (const [name, count] of [
    ["ann", 3],
    ["bob", 2],
    ["mia", 1],
  ] as const) {
    for (let i = 1; i <= count; i++) {
      const body = {
        call_type: "inbound",
        title: `${name} ${i}`,
        messages: [{ role: "user", content: `${name} ${i}` }],
      };
      await dialect.http("POST", "/conversations", { credential: who[name], body });
    }
  }
  await dialect.http("POST", "/conversations", { credential: who.ann, body: { call_type: "training" } });
});
afterAll(() => dialect.close());

const list = (name: string, query: string) =>
  dialect.http("GET", `/conversations/user?${query}`, { credential: who[name] });

const titles = async (name: string, query: string) => {
  const { status, json, text } = await list(name, query);
  expect(status, text).toBe(200);
  return (json.conversations as { title: string }[]).map(({ title }) => title);
};

describe("GET /conversations/user", () => {
  test("S0-1 answers the conversations with their messages, newest first, and the page's figures", async () => {
    const { status, json } = await list("ann", "call_type=inbound");
    expect(status).toBe(200);
    expect(Object.keys(json)).toEqual(["conversations", "pagination"]);
    expect(json.pagination).toEqual({ totalItems: 3, totalPages: 1, page: 1, size: 20 });
    expect(json.conversations.map(({ title }: { title: string }) => title)).toEqual(["ann 3", "ann 2", "ann 1"]);
    expect(json.conversations[0]).toEqual({
      id: expect.any(String),
      call_type: "inbound",
      title: "ann 3",
      agent_id: "ann",
      persona: {},
      profile_info: {},
      metadata: {},
      messages: [{ role: "user", content: "ann 3" }],
      status: "active",
      created_at: expect.any(String),
      updated_at: expect.any(String),
    });
  });

  test("S0-1 lists one kind of call", async () => {
    expect(await titles("ann", "call_type=training")).toEqual([""]);
    expect(await titles("ann", "call_type=outbound")).toEqual([]);
  });

  test("S0-1 pages by page and size; past the end is an empty list", async () => {
    expect(await titles("ann", "call_type=inbound&size=2")).toEqual(["ann 3", "ann 2"]);
    expect(await titles("ann", "call_type=inbound&size=2&page=2")).toEqual(["ann 1"]);
    const { json } = await list("ann", "call_type=inbound&size=2&page=3");
    expect(json).toEqual({ conversations: [], pagination: { totalItems: 3, totalPages: 2, page: 3, size: 2 } });
    const { json: far } = await list("ann", "call_type=inbound&size=1000&page=2147483647");
    expect(far.pagination).toEqual({ totalItems: 3, totalPages: 1, page: 2147483647, size: 1000 });
  });

  test("S0-1 shows no conversation as no page", async () => {
    const { json } = await list("bob", "call_type=training");
    expect(json).toEqual({ conversations: [], pagination: { totalItems: 0, totalPages: 0, page: 1, size: 20 } });
  });

  test("S0-1 serves at most 1,000 and says so", async () => {
    expect((await list("ann", "call_type=inbound&size=1000")).json.pagination.size).toBe(1000);
    expect((await list("ann", "call_type=inbound&size=1001")).json.pagination.size).toBe(1000);
  });

  test("S0-1 serves pages longer than the services' own", async () => {
    const tenant = await dialect.server.tenant();
    const credential = await tenant.token("ann");
    const post = (i: number) =>
      dialect.http("POST", "/conversations", { credential, body: { call_type: "outbound", title: `${i}` } });
    // One after the other: of those made at once the database's clock says which came first, not their ids.
    for (let i = 0; i < 250; i++) await post(i);
    const { json } = await dialect.http("GET", "/conversations/user?call_type=outbound&size=1000", { credential });
    expect(json.pagination).toEqual({ totalItems: 250, totalPages: 1, page: 1, size: 1000 });
    const ids = json.conversations.map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(250);
    expect(ids).toEqual([...ids].sort().reverse());
  });

  const broken: [string, string, string][] = [
    ["", "call_type", "missing"],
    ["call_type=", "call_type", "enum"],
    ["call_type=sideways", "call_type", "enum"],
    ["call_type=inbound&page=0", "page", "greater_than_equal"],
    ["call_type=inbound&page=-1", "page", "greater_than_equal"],
    ["call_type=inbound&page=one", "page", "int_parsing"],
    ["call_type=inbound&size=0", "size", "greater_than_equal"],
    ["call_type=inbound&size=1.5", "size", "int_parsing"],
    ["call_type=inbound&agent_id=", "agent_id", "string_too_short"],
  ];
  test.each(broken)("S0-1 answers ?%s with 422 and the parameter", async (query, parameter, type) => {
    const { status, json } = await list("ann", query);
    expect(status).toBe(422);
    expect(json).toEqual({ detail: [{ loc: ["query", parameter], msg: expect.any(String), type }] });
  });

  test("S0-1 names every parameter that breaks a rule", async () => {
    const { json } = await list("ann", "call_type=x&page=0&size=0");
    expect(json.detail.map(({ loc }: { loc: string[] }) => loc[1])).toEqual(["call_type", "page", "size"]);
  });

  test("S0-1 gives a manager its own and its subordinates', at any depth; an administrator and a key the tenant's", async () => {
    const anns = ["ann 3", "ann 2", "ann 1"];
    expect(await titles("mia", "call_type=inbound")).toEqual(["mia 1", ...anns]);
    expect(await titles("top", "call_type=inbound")).toEqual(["mia 1", ...anns]);
    const all = ["mia 1", "bob 2", "bob 1", ...anns];
    expect(await titles("boss", "call_type=inbound")).toEqual(all);
    who.key = (await dialect.tenant.key("read")).credential;
    expect(await titles("key", "call_type=inbound")).toEqual(all);
  });

  test("S0-1 gives agent_id to the agent itself, to its managers and to administrators, and to nobody else", async () => {
    const anns = ["ann 3", "ann 2", "ann 1"];
    for (const name of ["ann", "mia", "top", "boss"]) {
      expect(await titles(name, "call_type=inbound&agent_id=ann")).toEqual(anns);
    }
    for (const agent of ["ann", "nobody"]) {
      const { status, headers, json } = await list("bob", `call_type=inbound&agent_id=${agent}`);
      expect([status, headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
      expect(json).toEqual({ detail: expect.any(String) });
    }
    expect((await list("ann", "call_type=inbound&agent_id=mia")).status).toBe(401);
  });

  test("S0-1 lists what a member owns, not what it merely takes part in", async () => {
    const { tenant, server } = dialect;
    const key = await tenant.key("read", "write");
    const conversations = server.client(ConversationService, key.credential);
    await conversations.createConversation({ conversation: { callType: 1, ownerId: "ann" }, participantIds: ["bob"] });
    expect(await titles("bob", "call_type=inbound")).toEqual(["bob 2", "bob 1"]);
  });
});
