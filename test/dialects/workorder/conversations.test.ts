// The endpoints of the work orders' API, as its document describes them.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { type DialectServer, startDialects } from "../../support/servers/dialect-server.ts";
import type { Credential, IdentityTenant } from "../../support/servers/identity-server.ts";

let dialect: DialectServer;
let other: IdentityTenant;
let ann: Credential;
let bob: Credential;
let eve: Credential;
let admin: Credential;
let root: Credential;

const BASE = "/api/v2/conversations";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

beforeAll(async () => {
  dialect = await startDialects("workorder");
  other = await dialect.server.tenant();
  for (const name of ["ann", "bob", "eve"]) await dialect.tenant.addMember(name);
  ann = await dialect.tenant.token("ann");
  bob = await dialect.tenant.token("bob");
  eve = await dialect.tenant.token("eve");
  admin = await dialect.tenant.token("boss", "admin");
  root = await dialect.tenant.token("root", "super_admin");
});
afterAll(() => dialect.close());

const call = (method: string, path: string, credential: Credential, body?: unknown) =>
  dialect.http(method, BASE + path, { credential, body });

async function made(credential: Credential, body: object = {}): Promise<string> {
  const answer = await call("POST", "", credential, { subject: "Leak", ...body });
  expect(answer.status, answer.text).toBe(201);
  return answer.json.id as string;
}

const say = (credential: Credential, id: string, body: string) => call("POST", `/${id}/messages`, credential, { body });

describe("POST /conversations", () => {
  test("S4-3 makes a conversation in which its creator takes part first", async () => {
    const entityId = randomUUID();
    const body = {
      organization_id: dialect.tenant.id,
      subject: "Work order discussion",
      entity_type: "work_order",
      entity_id: entityId,
      participant_user_ids: ["bob", "ann"],
    };
    const { status, json } = await call("POST", "", ann, body);
    expect(status).toBe(201);
    expect(json).toEqual({
      id: expect.any(String),
      organization_id: dialect.tenant.id,
      subject: "Work order discussion",
      status: "active",
      entity_type: "work_order",
      entity_id: entityId,
      created_by: "ann",
      participants: [
        { user_id: "ann", joined_at: expect.stringMatching(TIME) },
        { user_id: "bob", joined_at: expect.stringMatching(TIME) },
      ],
      messages: [],
      created_at: expect.stringMatching(TIME),
      updated_at: expect.stringMatching(TIME),
    });
  });

  test("S4-3 needs a subject alone", async () => {
    const { status, json } = await call("POST", "", ann, { subject: "x" });
    expect(status).toBe(201);
    expect(json).toMatchObject({ organization_id: dialect.tenant.id, entity_type: null, entity_id: null });
    expect(json.participants.map(({ user_id: id }: { user_id: string }) => id)).toEqual(["ann"]);
  });

  test("S4-3 takes the organization's slug for its id, and answers the id", async () => {
    const { status, json } = await call("POST", "", ann, { subject: "x", organization_id: dialect.tenant.slug });
    expect([status, json.organization_id]).toEqual([201, dialect.tenant.id]);
  });

  test("S4-3 answers 403 for another organization, there or not, also to a super administrator", async () => {
    for (const organization of [other.id, other.slug, randomUUID()]) {
      for (const credential of [ann, root]) {
        const { status, json } = await call("POST", "", credential, { subject: "x", organization_id: organization });
        expect([status, json]).toEqual([403, { detail: expect.any(String) }]);
      }
    }
  });

  const type = "work_order";
  const broken: [string, object, (string | number)[]][] = [
    ["no subject", {}, ["body", "subject"]],
    ["an empty subject", { subject: "" }, ["body", "subject"]],
    ["a subject past 500 characters", { subject: "x".repeat(501) }, ["body", "subject"]],
    ["a subject that is no text", { subject: 1 }, ["body", "subject"]],
    ["an entity type alone", { subject: "x", entity_type: type }, ["body", "entity_id"]],
    ["an entity id alone", { subject: "x", entity_id: randomUUID() }, ["body", "entity_type"]],
    ["an entity id that is no UUID", { subject: "x", entity_type: type, entity_id: "7" }, ["body", "entity_id"]],
    ["participants that are no list", { subject: "x", participant_user_ids: "bob" }, ["body", "participant_user_ids"]],
    [
      "a participant that is no member",
      { subject: "x", participant_user_ids: ["bob", "nobody"] },
      ["body", "participant_user_ids", 1],
    ],
  ];
  test.each(broken)("S4-3 answers %s with 422 and its place", async (_, body, loc) => {
    const { status, json } = await call("POST", "", ann, body);
    expect(status).toBe(422);
    expect(json).toEqual({ detail: [{ loc, msg: expect.any(String), type: expect.any(String) }] });
  });

  test("S4-3 takes a subject of 500 characters", async () => {
    expect((await call("POST", "", ann, { subject: "x".repeat(500) })).status).toBe(201);
  });
});

describe("GET /conversations/{conversation_id}", () => {
  test("S4-2 answers it with all participants and messages to those who take part", async () => {
    const id = await made(ann, { participant_user_ids: ["bob"] });
    for (let i = 1; i <= 60; i++) await say(i % 2 ? ann : bob, id, `${i}`);
    const { status, json } = await call("GET", `/${id}`, bob);
    expect(status).toBe(200);
    expect(json.messages).toHaveLength(60);
    expect(json.messages[0]).toEqual({
      id: expect.any(String),
      conversation_id: id,
      sender_id: "ann",
      body: "1",
      created_at: expect.stringMatching(TIME),
    });
    expect(json.messages.map(({ body }: { body: string }) => Number(body))).toEqual(
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
  });

  test("S4-2 shows more participants than the services do at once", async () => {
    const members = Array.from({ length: 130 }, (_, i) => `m${i}`);
    for (const member of members) await dialect.tenant.addMember(member);
    const id = await made(ann, { participant_user_ids: members });
    const ids = (await call("GET", `/${id}`, ann)).json.participants.map((p: { user_id: string }) => p.user_id);
    expect(ids).toEqual(["ann", ...members]);
  });

  test("S4-2 answers 404 to whoever takes no part, administrators and managers too", async () => {
    const id = await made(ann);
    for (const credential of [eve, admin, root, await other.token("ann")]) {
      const { status, text } = await call("GET", `/${id}`, credential);
      expect([status, text]).toEqual([404, '{"detail":"conversation not found"}']);
    }
    expect((await call("GET", `/${randomUUID()}`, ann)).status).toBe(404);
  });

  test("S4-2 answers 404 to an owner who takes no part", async () => {
    const key = await dialect.tenant.key("read", "write");
    const conversations = dialect.server.client(ConversationService, key.credential);
    const { conversation } = await conversations.createConversation({ conversation: { ownerId: "eve" } });
    expect((await call("GET", `/${conversation?.id}`, eve)).status).toBe(404);
  });

  test("S4-2 answers 422 to an id that is no UUID", async () => {
    const { status, json } = await call("GET", "/seven", ann);
    expect([status, json.detail[0].loc]).toEqual([422, ["path", "conversation_id"]]);
  });
});

describe("PATCH /conversations/{conversation_id}", () => {
  test("S4-4 changes the subject, the status or both, and answers the conversation", async () => {
    const id = await made(ann, { participant_user_ids: ["bob"] });
    await say(ann, id, "Hello");
    const both = await call("PATCH", `/${id}`, bob, { subject: "Updated subject", status: "archived" });
    expect(both.status).toBe(200);
    expect(both.json).toMatchObject({
      id,
      subject: "Updated subject",
      status: "archived",
      messages: [{ body: "Hello" }],
    });
    expect((await call("PATCH", `/${id}`, ann, { status: "closed" })).json).toMatchObject({
      subject: "Updated subject",
      status: "closed",
    });
    expect((await call("PATCH", `/${id}`, ann, { status: "active" })).json.status).toBe("active");
    expect((await call("GET", `/${id}`, ann)).json.subject).toBe("Updated subject");
  });

  test("S4-4 changes nothing for an empty one", async () => {
    const id = await made(ann);
    const before = (await call("GET", `/${id}`, ann)).json;
    const { status, json } = await call("PATCH", `/${id}`, ann, {});
    expect([status, json]).toEqual([200, before]);
  });

  test("S4-4 answers 404 to whoever takes no part, and 422 to an unknown status", async () => {
    const id = await made(ann);
    for (const credential of [eve, admin, root]) {
      expect((await call("PATCH", `/${id}`, credential, { subject: "x" })).status).toBe(404);
    }
    for (const body of [
      { status: "open" },
      { status: "" },
      { status: 1 },
      { subject: "" },
      { subject: "x".repeat(501) },
    ]) {
      const { status, json } = await call("PATCH", `/${id}`, ann, body);
      expect([status, json.detail[0].loc]).toEqual([422, ["body", Object.keys(body)[0]]]);
    }
  });
});

describe("messages", () => {
  test("S4-5 adds a message", async () => {
    const id = await made(ann);
    const { status, json } = await say(ann, id, "This is a message");
    expect(status).toBe(201);
    expect(json).toEqual({
      id: expect.any(String),
      conversation_id: id,
      sender_id: "ann",
      body: "This is a message",
      created_at: expect.stringMatching(TIME),
    });
  });

  test("S4-5 ignores a conversation that is named in the body: the path says which", async () => {
    const id = await made(ann);
    for (const other of [5, {}, await made(bob)]) {
      const { status, json } = await call("POST", `/${id}/messages`, ann, { body: "Hello", conversation_id: other });
      expect([status, json.conversation_id]).toEqual([201, id]);
    }
  });

  test("S4-5 takes 1 character to 256 KiB", async () => {
    const id = await made(ann);
    expect((await say(ann, id, "x")).status).toBe(201);
    expect((await say(ann, id, "x".repeat(262_144))).status).toBe(201);
    for (const body of ["", "x".repeat(262_145)]) {
      const { status, json } = await say(ann, id, body);
      expect([status, json.detail[0].loc]).toEqual([422, ["body", "body"]]);
    }
    expect((await call("POST", `/${id}/messages`, ann, {})).status).toBe(422);
    expect((await call("POST", `/${id}/messages`, ann, { body: null })).status).toBe(422);
  });

  test("S4-5 answers 409 for a closed conversation, and none for one that was put away", async () => {
    const id = await made(ann);
    await call("PATCH", `/${id}`, ann, { status: "closed" });
    const { status, json } = await say(ann, id, "x");
    expect([status, json]).toEqual([409, { detail: expect.any(String) }]);
    await call("PATCH", `/${id}`, ann, { status: "archived" });
    expect((await say(ann, id, "x")).status).toBe(201);
  });

  test("S4-5 S4-6 answers 404 to whoever takes no part", async () => {
    const id = await made(ann);
    for (const credential of [eve, admin, root]) {
      expect((await say(credential, id, "x")).status).toBe(404);
      expect((await call("GET", `/${id}/messages`, credential)).status).toBe(404);
    }
  });

  test("S4-6 lists all messages as a bare list, oldest first", async () => {
    const id = await made(ann, { participant_user_ids: ["bob"] });
    expect((await call("GET", `/${id}/messages`, ann)).text).toBe("[]");
    for (let i = 0; i < 205; i++) await say(i % 2 ? ann : bob, id, `${i}`);
    const { status, json } = await call("GET", `/${id}/messages`, bob);
    expect(status).toBe(200);
    expect(json.map(({ body }: { body: string }) => Number(body))).toEqual(Array.from({ length: 205 }, (_, i) => i));
  });
});
