// Messages and analytics of the CRM's API, as its document describes them.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import type { DialectServer } from "../../support/servers/dialect-server.ts";
import type { Credential } from "../../support/servers/identity-server.ts";
import { type Company, company, expectError, startCrm, TIME, UUID } from "./scene.ts";

let dialect: DialectServer;
let acme: Company;
let ann: Credential;
let bob: Credential;

beforeAll(async () => {
  dialect = await startCrm();
  acme = await company(dialect);
  await acme.tenant.addMember("ann");
  await acme.tenant.addMember("bob");
  ann = await acme.tenant.token("ann");
  bob = await acme.tenant.token("bob");
});
afterAll(() => dialect.close());

const contents = (answer: { json: { data: { content: string }[] } }) => answer.json.data.map(({ content }) => content);

/** A conversation that holds the numbers from 1 on. */
async function counted(count: number): Promise<string> {
  const id = await acme.made(ann);
  const messages = dialect.server.client(MessageService, ann);
  for (let from = 1; from <= count; from += 100) {
    const length = Math.min(100, count - from + 1);
    const batch = Array.from({ length }, (_, i) => ({ content: `${from + i}` }));
    await messages.batchSendMessages({ conversationId: id, messages: batch });
  }
  return id;
}

describe("GET /v1/conversation/{id}/messages", () => {
  test("S1-4 pages through the history, oldest first", async () => {
    const id = await counted(45);
    const get = (query: string) => acme.call("GET", `/v1/conversation/${id}/messages${query}`, ann);
    const first = await get("");
    expect(first.status).toBe(200);
    expect(first.json.data[0]).toEqual({
      id: expect.stringMatching(UUID),
      conversation_id: id,
      role: "user",
      content: "1",
      metadata: {},
      created_at: expect.stringMatching(TIME),
      deleted_at: null,
    });
    expect(contents(first)).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`));
    expect(first.json.pagination).toEqual({ page: 1, per_page: 20, total: 45, total_pages: 3 });
    expect(contents(await get("?page=3"))).toEqual(["41", "42", "43", "44", "45"]);
    expect(contents(await get("?page=4"))).toEqual([]);
    expect(contents(await get("?per_page=7&page=2"))).toEqual(["8", "9", "10", "11", "12", "13", "14"]);
  });

  test("S1-4 serves pages longer than the services' own", async () => {
    const id = await counted(450);
    const { json } = await acme.call("GET", `/v1/conversation/${id}/messages?per_page=1000`, ann);
    expect(contents({ json })).toEqual(Array.from({ length: 450 }, (_, i) => `${i + 1}`));
    expect(json.pagination).toEqual({ page: 1, per_page: 1000, total: 450, total_pages: 1 });
  });

  test("S1-4 answers 404 for what is unknown or not visible", async () => {
    const id = await acme.made(ann);
    for (const which of [randomUUID(), "no-uuid", id]) {
      expectError(await acme.call("GET", `/v1/conversation/${which}/messages`, bob), 404, "not_found");
    }
  });
});

describe("deleting and restoring messages", () => {
  test("S1-9 S1-10 deletes one message once, and restores it once", async () => {
    const id = await counted(3);
    const list = () => acme.call("GET", `/v1/conversation/${id}/messages`, ann);
    const [, { id: second }] = (await list()).json.data;
    const gone = await acme.call("DELETE", `/v1/message/${second}`, ann);
    expect(gone.status).toBe(200);
    expect(gone.json).toEqual({
      message: "Message deleted",
      data: expect.objectContaining({ id: second, content: "2", deleted_at: expect.stringMatching(TIME) }),
    });
    expect(contents(await list())).toEqual(["1", "3"]);
    expectError(await acme.call("DELETE", `/v1/message/${second}`, ann), 404, "not_found");
    const back = await acme.call("PATCH", `/v1/message/${second}/restore`, ann);
    expect(back.status).toBe(200);
    expect(back.json).toEqual({
      message: "Message restored",
      data: expect.objectContaining({ id: second, deleted_at: null }),
    });
    expect(contents(await list())).toEqual(["1", "2", "3"]);
    expectError(await acme.call("PATCH", `/v1/message/${second}/restore`, ann), 409, "conflict");
  });

  test("S1-9 S1-10 answers 404 for messages that are unknown or not visible", async () => {
    const id = await counted(1);
    const [{ id: message }] = (await acme.call("GET", `/v1/conversation/${id}/messages`, ann)).json.data;
    for (const which of [randomUUID(), "no-uuid", message]) {
      expectError(await acme.call("DELETE", `/v1/message/${which}`, bob), 404, "not_found");
      expectError(await acme.call("PATCH", `/v1/message/${which}/restore`, bob), 404, "not_found");
    }
  });

  test("S1-7 deletes and restores all messages, and says how many", async () => {
    const id = await counted(12);
    const all = await acme.call("DELETE", `/v1/conversation/${id}/messages`, ann);
    expect([all.status, all.json]).toEqual([200, { message: "All messages deleted", data: { deleted: 12 } }]);
    const empty = await acme.call("GET", `/v1/conversation/${id}/messages`, ann);
    expect(empty.json).toEqual({ data: [], pagination: { page: 1, per_page: 20, total: 0, total_pages: 0 } });
    const again = await acme.call("DELETE", `/v1/conversation/${id}/messages`, ann);
    expect(again.json.data).toEqual({ deleted: 0 });
    const back = await acme.call("PATCH", `/v1/conversation/${id}/message/restore-all`, ann);
    expect([back.status, back.json]).toEqual([200, { message: "All messages restored", data: { restored: 12 } }]);
    expect((await acme.call("GET", `/v1/conversation/${id}/messages`, ann)).json.pagination.total).toBe(12);
  });

  test("S1-11 lists the deleted ones that the caller may see, oldest first", async () => {
    const shop = await company(dialect);
    await shop.tenant.addMember("ann");
    await shop.tenant.addMember("bob");
    const own = await shop.tenant.token("ann");
    const id = await shop.made(own);
    const messages = dialect.server.client(MessageService, own);
    const batch = Array.from({ length: 250 }, (_, i) => ({ content: `${i + 1}` }));
    for (const part of [batch.slice(0, 100), batch.slice(100, 200), batch.slice(200)]) {
      await messages.batchSendMessages({ conversationId: id, messages: part });
    }
    await shop.call("DELETE", `/v1/conversation/${id}/messages`, own);
    const deleted = (credential: Credential, query = "") => shop.call("GET", `/v1/message/deleted${query}`, credential);
    const first = await deleted(own);
    expect(first.json.pagination).toEqual({ page: 1, per_page: 20, total: 250, total_pages: 13 });
    expect(contents(first)).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 1}`));
    expect(contents(await deleted(shop.key, "?page=13"))).toEqual(batch.slice(240).map(({ content }) => content));
    expect(contents(await deleted(own, "?per_page=1000"))).toEqual(batch.map(({ content }) => content));
    expect((await deleted(await shop.tenant.token("bob"))).json.pagination.total).toBe(0);
  });
});

describe("GET /v1/analytic/conversation/{id}", () => {
  const get = (id: string, credential: Credential) => acme.call("GET", `/v1/analytic/conversation/${id}`, credential);

  test("S1-12 answers null for what cannot be computed yet", async () => {
    const id = await acme.made(ann);
    const { status, json } = await get(id, ann);
    expect(status).toBe(200);
    expect(json).toEqual({
      conversation_id: id,
      messages: { total: 0, user: 0, assistant: 0, system: 0, tool: 0, deleted: 0 },
      turns: 0,
      duration_seconds: null,
      first_reply_seconds: null,
      reply_seconds: { median: null, p95: null },
      characters: { user: 0, assistant: 0 },
      first_message_at: null,
      last_message_at: null,
    });
  });

  test("S1-12 measures what was said", async () => {
    const id = await acme.made(ann);
    const messages = dialect.server.client(MessageService, ann);
    // Roles: 1 user, 2 assistant, 3 system, 4 tool; minutes are set below.
    const said = [
      [3, "Be kind", 0],
      [1, "Hallo 👋", 1],
      [1, "Wer da?", 2],
      [4, "{}", 3],
      [2, "Ich", 4],
      [2, "und du?", 5],
      [1, "Ann", 6],
      [2, "Schön", 10],
      [1, "to be deleted", 11],
    ] as const;
    const rows = [];
    for (const [role, content] of said) {
      rows.push((await messages.sendMessage({ conversationId: id, message: { role, content } })).message);
    }
    const start = Date.parse("2026-01-02T03:00:00Z");
    for (const [index, [, , minute]] of said.entries()) {
      const text = "update message set create_time = $3 where tenant_id = $1 and id = $2";
      const at = new Date(start + minute * 60_000);
      await dialect.server.database.query({ name: "test_time", text }, [acme.tenant.id, rows[index]?.id, at]);
    }
    await messages.deleteMessage({ messageId: rows.at(-1)?.id ?? "" });
    expect((await get(id, ann)).json).toEqual({
      conversation_id: id,
      messages: { total: 8, user: 3, assistant: 3, system: 1, tool: 1, deleted: 1 },
      turns: 2,
      duration_seconds: 600,
      first_reply_seconds: 180,
      reply_seconds: { median: 180, p95: 234 },
      characters: { user: 17, assistant: 15 },
      first_message_at: "2026-01-02T03:00:00Z",
      last_message_at: "2026-01-02T03:10:00Z",
    });
  });

  test("S1-12 answers 404 for what is unknown, deleted or not visible", async () => {
    const id = await acme.made(ann);
    expectError(await get(id, bob), 404, "not_found");
    expectError(await get(randomUUID(), ann), 404, "not_found");
    await acme.call("DELETE", `/v1/conversation/${id}`, ann);
    expectError(await get(id, ann), 404, "not_found");
  });
});
