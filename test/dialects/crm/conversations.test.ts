// Conversations of the CRM's API, as its document describes them.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import type { DialectServer } from "../../support/servers/dialect-server.ts";
import type { Credential } from "../../support/servers/identity-server.ts";
import { type Company, company, expectError, startCrm, TIME, UUID } from "./scene.ts";

let dialect: DialectServer;
let acme: Company;
let ann: Credential;
let bob: Credential;
let mia: Credential;
let lead: Credential;
let admin: Credential;

beforeAll(async () => {
  dialect = await startCrm();
  acme = await company(dialect);
  await acme.tenant.addMember("mia", { role: "manager" });
  await acme.tenant.addMember("ann", { manager: "mia" });
  await acme.tenant.addMember("bob");
  await acme.tenant.addMember("lea", { role: "lead" });
  ann = await acme.tenant.token("ann");
  bob = await acme.tenant.token("bob");
  mia = await acme.tenant.token("mia");
  lead = await acme.tenant.token("lea");
  admin = await acme.tenant.token("boss", "admin");
});
afterAll(() => dialect.close());

const ids = (answer: { json: { data: { id: string }[] } }) => answer.json.data.map(({ id }) => id);

describe("POST /v1/conversation", () => {
  test("S1-1 makes what is sent, linked to the caller", async () => {
    const body = { agent_id: acme.agentId, title: "Pricing", metadata: { source: "widget" }, max_context_length: 30 };
    const { status, json } = await acme.call("POST", "/v1/conversation", ann, body);
    expect(status).toBe(201);
    expect(json).toEqual({
      id: expect.stringMatching(UUID),
      company_id: acme.tenant.id,
      ...body,
      user_id: "ann",
      lead_id: null,
      created_at: expect.stringMatching(TIME),
      updated_at: expect.stringMatching(TIME),
      deleted_at: null,
    });
  });

  test("S1-1 needs an agent alone", async () => {
    const { status, json } = await acme.call("POST", "/v1/conversation", lead, { agent_id: acme.agentId });
    expect(status).toBe(201);
    expect(json).toMatchObject({ title: null, metadata: {}, max_context_length: 20, user_id: null, lead_id: "lea" });
  });

  test("S1-1 is nobody's where a key makes it, and a member's where the key acts for one", async () => {
    const body = { agent_id: acme.agentId };
    const own = await acme.call("POST", "/v1/conversation", acme.key, body);
    expect([own.status, own.json.user_id, own.json.lead_id]).toEqual([201, null, null]);
    const forAnn = await acme.call("POST", "/v1/conversation", { ...acme.key, "x-act-for": "ann" }, body);
    expect([forAnn.status, forAnn.json.user_id, forAnn.json.lead_id]).toEqual([201, "ann", null]);
    const forLea = await acme.call("POST", "/v1/conversation", { ...acme.key, "x-act-for": "lea" }, body);
    expect([forLea.status, forLea.json.user_id, forLea.json.lead_id]).toEqual([201, null, "lea"]);
    const forNobody = await acme.call("POST", "/v1/conversation", { ...acme.key, "x-act-for": "nobody" }, body);
    expectError(forNobody, 403, "forbidden");
  });

  test("S1-1 is open to a key that may only write", async () => {
    const { credential } = await acme.tenant.key("write");
    expect((await acme.call("POST", "/v1/conversation", credential, { agent_id: acme.agentId })).status).toBe(201);
  });

  test.each([1, 1000])("S1-1 takes a context of %d messages", async (length) => {
    const body = { agent_id: acme.agentId, max_context_length: length };
    const { status, json } = await acme.call("POST", "/v1/conversation", ann, body);
    expect([status, json.max_context_length]).toEqual([201, length]);
  });

  test.each([
    ["no agent", { agent_id: undefined }],
    ["an empty agent", { agent_id: "" }],
    ["an agent that there is not", { agent_id: randomUUID() }],
    ["an agent that is no id", { agent_id: "helper" }],
    ["an agent that is no text", { agent_id: 1 }],
    ["a context of nothing", { max_context_length: 0 }],
    ["a context past 1,000", { max_context_length: 1001 }],
    ["a context that is no number", { max_context_length: "many" }],
    ["a title past 500 characters", { title: "x".repeat(501) }],
    ["metadata that is no object", { metadata: [] }],
  ])("S1-1 answers %s with 400", async (_, change) => {
    const answer = await acme.call("POST", "/v1/conversation", ann, { agent_id: acme.agentId, ...change });
    expectError(answer, 400, "validation_error");
  });

  test("S1-1 does not know the agents of another company", async () => {
    const other = await company(dialect);
    const answer = await acme.call("POST", "/v1/conversation", ann, { agent_id: other.agentId });
    expectError(answer, 400, "validation_error");
  });
});

describe("lists of conversations", () => {
  let shop: Company;
  const made: Record<"ann" | "bob" | "lea" | "key", string> = { ann: "", bob: "", lea: "", key: "" };
  const who: Record<string, Credential> = {};

  beforeAll(async () => {
    shop = await company(dialect);
    await shop.tenant.addMember("top", { role: "manager" });
    await shop.tenant.addMember("mia", { role: "manager", manager: "top" });
    await shop.tenant.addMember("ann", { manager: "mia" });
    await shop.tenant.addMember("bob");
    await shop.tenant.addMember("lea", { role: "lead" });
    for (const name of ["ann", "bob", "lea", "mia", "top"]) who[name] = await shop.tenant.token(name);
    who.key = shop.key;
    for (const name of ["ann", "bob", "lea", "key"] as const) made[name] = await shop.made(who[name] ?? {});
  });

  const list = (credential: Credential | undefined, query = "", path = "/v1/conversation") =>
    shop.call("GET", path + query, credential);

  test("S1-2 gives a key and an administrator the company's, newest first", async () => {
    const all = [made.key, made.lea, made.bob, made.ann];
    const answer = await list(shop.key);
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.json)).toEqual(["data", "pagination"]);
    expect(ids(answer)).toEqual(all);
    expect(answer.json.pagination).toEqual({ page: 1, per_page: 20, total: 4, total_pages: 1 });
    expect(ids(await list(await shop.tenant.token("boss", "admin")))).toEqual(all);
  });

  test("S1-2 gives a manager its own and its subordinates', at any depth, and anyone else its own", async () => {
    expect(ids(await list(who.mia))).toEqual([made.ann]);
    expect(ids(await list(who.top))).toEqual([made.ann]);
    expect(ids(await list(who.ann))).toEqual([made.ann]);
    expect(ids(await list(who.lea))).toEqual([made.lea]);
    expect(ids(await list({ ...shop.key, "x-act-for": "bob" }))).toEqual([made.bob]);
  });

  test("S1-2 pages by page and per_page; past the end is an empty list", async () => {
    const all = ids(await list(shop.key));
    expect(ids(await list(shop.key, "?per_page=3"))).toEqual(all.slice(0, 3));
    const second = await list(shop.key, "?per_page=3&page=2");
    expect(second.json).toMatchObject({ pagination: { page: 2, per_page: 3, total: 4, total_pages: 2 } });
    expect(ids(second)).toEqual(all.slice(3));
    const third = await list(shop.key, "?per_page=3&page=3");
    expect(third.json).toEqual({ data: [], pagination: { page: 3, per_page: 3, total: 4, total_pages: 2 } });
    expect((await list(shop.key, "?per_page=1000")).json.pagination.per_page).toBe(1000);
    expect((await list(shop.key, "?per_page=1001")).json.pagination.per_page).toBe(1000);
    const empty = await company(dialect);
    expect((await empty.call("GET", "/v1/conversation", empty.key)).json).toEqual({
      data: [],
      pagination: { page: 1, per_page: 20, total: 0, total_pages: 0 },
    });
  });

  test.each(["page=0", "page=-1", "page=x", "per_page=0", "per_page=1.5", "per_page="])(
    "S1-2 answers ?%s with 400 in every list",
    async (query) => {
      for (const path of [
        "/v1/conversation",
        "/v1/conversation/entity",
        "/v1/conversation/deleted",
        `/v1/conversation/${made.ann}/messages`,
        "/v1/message/deleted",
      ]) {
        expectError(await list(shop.key, `?${query}`, path), 400, "validation_error");
      }
    },
  );

  test("S1-3 lists what the calling user or lead owns or takes part in, not its subordinates'", async () => {
    const entity = (credential: Credential | undefined) => list(credential, "", "/v1/conversation/entity");
    expect(ids(await entity(who.ann))).toEqual([made.ann]);
    expect(ids(await entity(who.lea))).toEqual([made.lea]);
    expect(ids(await entity(who.mia))).toEqual([]);
    expect(ids(await entity({ ...shop.key, "x-act-for": "bob" }))).toEqual([made.bob]);
    expect(ids(await entity(await shop.tenant.token("boss", "admin")))).toEqual([]);

    const participants = dialect.server.client(ParticipantService, shop.key);
    await participants.addParticipants({ conversationId: made.lea, memberIds: ["bob"] });
    expect(ids(await entity(who.bob))).toEqual([made.lea, made.bob]);
    await participants.removeParticipant({ conversationId: made.lea, memberId: "bob" });
  });

  test("S1-3 lists what a key created, where it acts for nobody", async () => {
    const answer = await list(shop.key, "", "/v1/conversation/entity");
    expect(ids(answer)).toEqual([made.key]);
    expect(answer.json.pagination).toEqual({ page: 1, per_page: 20, total: 1, total_pages: 1 });
    const other = await shop.tenant.key("read");
    expect(ids(await list(other.credential, "", "/v1/conversation/entity"))).toEqual([]);
  });
});

describe("deleting and restoring a conversation", () => {
  test("S1-6 deletes it once, and restores it once, exactly as it was", async () => {
    const id = await acme.made(ann, { title: "Pricing" });
    await acme.say(ann, id, "Hello");
    const messages = (await acme.call("GET", `/v1/conversation/${id}/messages`, ann)).json;

    const gone = await acme.call("DELETE", `/v1/conversation/${id}`, ann);
    expect(gone.status).toBe(200);
    expect(gone.json).toEqual({
      message: "Conversation deleted",
      data: expect.objectContaining({ id, title: "Pricing", deleted_at: expect.stringMatching(TIME) }),
    });
    expectError(await acme.call("GET", `/v1/conversation/${id}/messages`, ann), 404, "not_found");
    expectError(await acme.call("DELETE", `/v1/conversation/${id}`, ann), 404, "not_found");

    const back = await acme.call("PATCH", `/v1/conversation/${id}/restore`, ann);
    expect(back.status).toBe(200);
    expect(back.json).toEqual({
      message: "Conversation restored",
      data: expect.objectContaining({ id, deleted_at: null }),
    });
    expect((await acme.call("GET", `/v1/conversation/${id}/messages`, ann)).json).toEqual(messages);
    expectError(await acme.call("PATCH", `/v1/conversation/${id}/restore`, ann), 409, "conflict");
  });

  test("S1-6 answers 404 for what is unknown or not visible, 403 for what is not the caller's to delete", async () => {
    const id = await acme.made(ann);
    for (const [method, suffix] of [
      ["DELETE", ""],
      ["PATCH", "/restore"],
      ["DELETE", "/messages"],
      ["PATCH", "/message/restore-all"],
    ]) {
      const call = (credential: Credential, which: string) =>
        acme.call(method ?? "", `/v1/conversation/${which}${suffix}`, credential);
      expectError(await call(ann, randomUUID()), 404, "not_found");
      expectError(await call(ann, "no-uuid"), 404, "not_found");
      expectError(await call(bob, id), 404, "not_found");
      expectError(await call(mia, id), 403, "forbidden");
    }
  });

  test("S1-8 lists the deleted ones that the caller may see, newest first", async () => {
    const shop = await company(dialect);
    await shop.tenant.addMember("mia", { role: "manager" });
    await shop.tenant.addMember("ann", { manager: "mia" });
    await shop.tenant.addMember("bob");
    const tokens = await Promise.all(["mia", "ann", "bob"].map((name) => shop.tenant.token(name)));
    const [boss = {}, own = {}, foreign = {}] = tokens;
    const first = await shop.made(own);
    const second = await shop.made(own);
    await shop.made(own);
    for (const id of [second, first]) await shop.call("DELETE", `/v1/conversation/${id}`, own);
    const deleted = (credential: Credential) => shop.call("GET", "/v1/conversation/deleted", credential);
    for (const credential of [own, boss, shop.key]) {
      const answer = await deleted(credential);
      expect(answer.status).toBe(200);
      expect(ids(answer)).toEqual([second, first]);
      expect(answer.json.pagination).toEqual({ page: 1, per_page: 20, total: 2, total_pages: 1 });
      expect(answer.json.data[0].deleted_at).toMatch(TIME);
    }
    expect((await deleted(foreign)).json.pagination.total).toBe(0);
    expect(ids(await shop.call("GET", "/v1/conversation", own))).toHaveLength(1);
  });

  test("S1-8 an administrator may do all of it", async () => {
    const id = await acme.made(ann);
    expect((await acme.call("DELETE", `/v1/conversation/${id}`, admin)).status).toBe(200);
    expect((await acme.call("PATCH", `/v1/conversation/${id}/restore`, admin)).status).toBe(200);
  });
});
