// The endpoints of the call center's API, as its document describes them.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type DialectServer, type HttpAnswer, startDialects } from "../../support/servers/dialect-server.ts";
import type { Credential } from "../../support/servers/identity-server.ts";

let dialect: DialectServer;
let ann: Credential;
let bob: Credential;
let mia: Credential;
let admin: Credential;
let outsider: Credential;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

beforeAll(async () => {
  dialect = await startDialects("callcenter");
  const { tenant } = dialect;
  // top manages mia, mia manages ann; bob is nobody's.
  await tenant.addMember("top", { role: "manager" });
  await tenant.addMember("mia", { role: "manager", manager: "top" });
  await tenant.addMember("ann", { manager: "mia" });
  await tenant.addMember("bob");
  ann = await tenant.token("ann");
  bob = await tenant.token("bob");
  mia = await tenant.token("mia");
  admin = await tenant.token("boss", "admin");
  outsider = await (await dialect.server.tenant()).token("ann");
});
afterAll(() => dialect.close());

const call = (method: string, path: string, credential: Credential | undefined, body?: unknown): Promise<HttpAnswer> =>
  dialect.http(method, path, { credential, body });

async function made(credential: Credential, body: object = {}): Promise<string> {
  const answer = await call("POST", "/conversations", credential, { call_type: "inbound", ...body });
  expect(answer.status, answer.text).toBe(201);
  return answer.json.id as string;
}

const whole = {
  call_type: "inbound",
  title: "Late parcel",
  agent_id: "ann",
  persona: { name: "Grumpy", traits: ["loud", 1] },
  profile_info: { company: "ACME", size: 12 },
  metadata: { source: "phone" },
  messages: [
    { role: "user", content: "Where is it?" },
    { role: "assistant", content: "On its way." },
  ],
};

describe("POST /conversations", () => {
  test.each(["/conversations", "/conversations/"])("S0-3 makes what is sent, at %s", async (path) => {
    const answer = await call("POST", path, ann, whole);
    expect(answer.status).toBe(201);
    expect(answer.headers.get("content-type")).toMatch(/^application\/json/);
    expect(answer.json).toEqual({
      id: expect.stringMatching(UUID),
      ...whole,
      status: "active",
      created_at: expect.stringMatching(TIME),
      updated_at: expect.stringMatching(TIME),
    });
  });

  test("S0-3 needs nothing but the call type; the agent is then the caller", async () => {
    const { status, json } = await call("POST", "/conversations", bob, { call_type: "training" });
    expect(status).toBe(201);
    expect(json).toEqual({
      id: expect.stringMatching(UUID),
      call_type: "training",
      title: "",
      agent_id: "bob",
      persona: {},
      profile_info: {},
      metadata: {},
      messages: [],
      status: "active",
      created_at: expect.stringMatching(TIME),
      updated_at: expect.stringMatching(TIME),
    });
  });

  test("S0-3 takes back what another server answered: what the server makes is ignored, whatever it looks like", async () => {
    const theirs = {
      id: 17,
      status: ["open"],
      created_at: "2023-10-27T10:00:00",
      updated_at: "x".repeat(200),
      _id: {},
    };
    const { status, json } = await call("POST", "/conversations", ann, { ...theirs, ...whole });
    expect(status).toBe(201);
    expect(json).toMatchObject({ ...whole, id: expect.stringMatching(UUID), status: "active" });
    const put = await call("PUT", `/conversations/${json.id}`, ann, { ...whole, ...theirs, title: "Again" });
    expect([put.status, put.json]).toEqual([200, { ...json, title: "Again", updated_at: expect.stringMatching(TIME) }]);
  });

  test("S0-3 is nobody's where an API key makes it for nobody", async () => {
    const key = await dialect.tenant.key("write");
    const { status, json } = await call("POST", "/conversations", key.credential, { call_type: "inbound" });
    expect([status, json.agent_id]).toEqual([201, null]);
  });

  test("S0-3 names another agent for its manager, at any depth, an administrator or a key, and for nobody else", async () => {
    const body = { call_type: "inbound", agent_id: "ann" };
    const top = await dialect.tenant.token("top");
    const key = await dialect.tenant.key("write");
    for (const credential of [mia, top, admin, key.credential]) {
      const { status, json } = await call("POST", "/conversations", credential, body);
      expect([status, json.agent_id]).toEqual([201, "ann"]);
    }
    const refused = await call("POST", "/conversations", bob, body);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(refused.json).toEqual({ detail: expect.stringContaining("agent_id") });
  });

  test("S0-3 refuses an agent that does not exist", async () => {
    const answer = await call("POST", "/conversations", admin, { call_type: "inbound", agent_id: "nobody" });
    expect(answer.status).toBe(422);
    expect(answer.json.detail).toMatchObject([{ loc: ["body", "agent_id"] }]);
  });

  test("S0-3 acts once for one Idempotency-Key", async () => {
    const headers = { "idempotency-key": randomUUID() };
    const send = () => dialect.http("POST", "/conversations", { credential: ann, body: whole, headers });
    const first = await send();
    expect((await send()).json).toEqual(first.json);
  });

  const broken: [string, unknown, (string | number)[]][] = [
    ["no call type", {}, ["body", "call_type"]],
    ["a call type that there is not", { call_type: "sideways" }, ["body", "call_type"]],
    ["a call type that is no text", { call_type: 1 }, ["body", "call_type"]],
    ["a title past 500 characters", { call_type: "inbound", title: "x".repeat(501) }, ["body", "title"]],
    ["a title that is no text", { call_type: "inbound", title: {} }, ["body", "title"]],
    ["a persona that is no object", { call_type: "inbound", persona: "grumpy" }, ["body", "persona"]],
    ["profile info that is no object", { call_type: "inbound", profile_info: [] }, ["body", "profile_info"]],
    ["metadata that is no object", { call_type: "inbound", metadata: 7 }, ["body", "metadata"]],
    ["messages that are no list", { call_type: "inbound", messages: {} }, ["body", "messages"]],
    [
      "a role that there is not",
      {
        call_type: "inbound",
        messages: [
          { role: "user", content: "" },
          { role: "robot", content: "" },
        ],
      },
      ["body", "messages", 1, "role"],
    ],
    [
      "content that is no text",
      { call_type: "inbound", messages: [{ role: "user", content: 1 }] },
      ["body", "messages", 0, "content"],
    ],
    ["a list", [], ["body"]],
  ];
  test.each(broken)("S0-3 answers %s with 422 and its place", async (_, body, loc) => {
    const answer = await call("POST", "/conversations", ann, body);
    expect(answer.status).toBe(422);
    expect(answer.json).toEqual({ detail: [{ loc, msg: expect.any(String), type: expect.any(String) }] });
  });

  test("S0-3 takes a title of 500 characters, and ignores fields that it does not know", async () => {
    const body = { call_type: "inbound", title: "é".repeat(500), sentiment: "angry", id: "mine", status: "closed" };
    const { status, json } = await call("POST", "/conversations", ann, body);
    expect([status, json.title, json.status]).toEqual([201, body.title, "active"]);
    expect(json.id).not.toBe("mine");
  });

  test("S0-3 answers a body that is missing or no JSON with 422", async () => {
    for (const raw of ["", "{", "\u0000"]) {
      const answer = await dialect.http("POST", "/conversations", { credential: ann, raw });
      expect(answer.status).toBe(422);
      expect(answer.json).toEqual({
        detail: [{ loc: ["body"], msg: expect.any(String), type: expect.stringMatching(/^(json_invalid|missing)$/) }],
      });
    }
  });
});

describe("GET /conversations/{conversation_id}", () => {
  test("S0-2 answers the conversation with all its messages", async () => {
    const id = await made(ann, whole);
    const { status, json } = await call("GET", `/conversations/${id}`, ann);
    expect(status).toBe(200);
    expect(json).toMatchObject({ id, ...whole });
  });

  test("S0-2 answers more messages than the services give at once, in order", async () => {
    const messages = Array.from({ length: 450 }, (_, i) => ({ role: "user", content: `${i}` }));
    const id = await made(ann, { messages });
    expect((await call("GET", `/conversations/${id}`, ann)).json.messages).toEqual(messages);
  });

  test("S0-2 answers 404 for what is unknown, deleted, another's or another tenant's, byte for byte alike", async () => {
    const id = await made(ann);
    const gone = await made(bob);
    await call("DELETE", `/conversations/${gone}`, bob);
    const answers = [
      await call("GET", `/conversations/${randomUUID()}`, ann),
      await call("GET", "/conversations/no-uuid", ann),
      await call("GET", `/conversations/${gone}`, bob),
      await call("GET", `/conversations/${id}`, bob),
      await call("GET", `/conversations/${id}`, outsider),
    ];
    for (const { status, text } of answers) {
      expect([status, text]).toEqual([404, '{"detail":"conversation not found"}']);
    }
  });

  test("S0-2 shows a manager those of its subordinates", async () => {
    const id = await made(ann);
    expect((await call("GET", `/conversations/${id}`, mia)).status).toBe(200);
  });
});

describe("PUT /conversations/{conversation_id}", () => {
  test("S0-4 replaces: what is not sent becomes empty, but for the messages and the agent", async () => {
    const id = await made(ann, whole);
    const { status, json } = await call("PUT", `/conversations/${id}`, ann, { call_type: "outbound" });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      id,
      call_type: "outbound",
      title: "",
      agent_id: "ann",
      persona: {},
      profile_info: {},
      metadata: {},
      messages: whole.messages,
    });
    expect((await call("GET", `/conversations/${id}`, ann)).json).toEqual(json);
  });

  test("S0-4 makes the messages those sent, as a difference", async () => {
    const id = await made(ann, whole);
    const messages = [
      { role: "user", content: "Where is it?" },
      { role: "assistant", content: "It was lost." },
      { role: "user", content: "Oh." },
    ];
    const { json } = await call("PUT", `/conversations/${id}`, ann, { ...whole, messages });
    expect(json.messages).toEqual(messages);
    expect((await call("GET", `/conversations/${id}`, ann)).json.messages).toEqual(messages);
    const log = await dialect.server.database.query<{ revision: number }>(
      {
        name: "test_log",
        text: "select revision from message where tenant_id = $1 and conversation_id = $2 order by seq",
      },
      [dialect.tenant.id, id],
    );
    expect(log.map(({ revision }) => revision)).toEqual([0, 1, 0]);
  });

  test("S0-4 deletes all messages where an empty list is sent", async () => {
    const id = await made(ann, whole);
    expect((await call("PUT", `/conversations/${id}`, ann, { ...whole, messages: [] })).json.messages).toEqual([]);
    expect((await call("GET", `/conversations/${id}`, ann)).json.messages).toEqual([]);
  });

  test("S0-4 changes nothing where one rule is broken", async () => {
    const id = await made(ann, whole);
    const before = (await call("GET", `/conversations/${id}`, ann)).json;
    const messages = [{ role: "user", content: "x" }];
    const answer = await call("PUT", `/conversations/${id}`, ann, { call_type: "inbound", agent_id: "bob", messages });
    expect(answer.status).toBe(424);
    expect((await call("GET", `/conversations/${id}`, ann)).json).toEqual(before);
  });

  test("S0-4 hands a conversation over where its manager does", async () => {
    const id = await made(mia, { agent_id: "mia" });
    const { status, json } = await call("PUT", `/conversations/${id}`, mia, { call_type: "inbound", agent_id: "ann" });
    expect([status, json.agent_id]).toEqual([200, "ann"]);
  });

  test("S0-4 answers 424 for what is unknown, not visible or not writable", async () => {
    const id = await made(ann);
    const body = { call_type: "inbound" };
    for (const [credential, path] of [
      [ann, `/conversations/${randomUUID()}`],
      [ann, "/conversations/no-uuid"],
      [bob, `/conversations/${id}`],
      [mia, `/conversations/${id}`],
      [outsider, `/conversations/${id}`],
    ] as const) {
      const answer = await call("PUT", path, credential, body);
      expect([answer.status, answer.json]).toEqual([424, { detail: expect.any(String) }]);
    }
  });

  test("S0-4 asks for the call type, as where one is made", async () => {
    const answer = await call("PUT", `/conversations/${await made(ann)}`, ann, { title: "x" });
    expect([answer.status, answer.json.detail[0].loc]).toEqual([422, ["body", "call_type"]]);
  });

  test("S0-4 answers a key that may write what it wrote", async () => {
    const id = await made(ann, whole);
    const key = await dialect.tenant.key("write");
    const { status, json } = await call("PUT", `/conversations/${id}`, key.credential, { call_type: "outbound" });
    expect([status, json.messages, json.title]).toEqual([200, [], ""]);
    const again = await call("PUT", `/conversations/${id}`, key.credential, whole);
    expect([again.status, again.json.messages, again.json.title]).toEqual([200, whole.messages, whole.title]);
  });
});

describe("DELETE /conversations/{conversation_id}", () => {
  test("S0-5 deletes it, once", async () => {
    const id = await made(ann);
    const first = await call("DELETE", `/conversations/${id}`, ann);
    expect([first.status, first.text]).toEqual([200, '{"message":"success"}']);
    expect((await call("GET", `/conversations/${id}`, ann)).status).toBe(404);
    const again = await call("DELETE", `/conversations/${id}`, ann);
    expect([again.status, again.json]).toEqual([404, { detail: "conversation not found" }]);
  });

  test("S0-5 answers 404 for one that is not visible, 401 for one that is and is not the caller's to delete", async () => {
    const id = await made(ann);
    expect((await call("DELETE", `/conversations/${id}`, bob)).status).toBe(404);
    const refused = await call("DELETE", `/conversations/${id}`, mia);
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect((await call("DELETE", `/conversations/${id}`, admin)).status).toBe(200);
  });
});
