// S-REPLACE-PARALLEL: what is compared with long messages, or answered again after they grew, does not read them all at
// once.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { tablesAt } from "../fault/stage/database.ts";
import { type OwnServer, startOwnServer } from "../fault/stage/server.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";

vi.setConfig({ testTimeout: 240_000 });

const CONVERSATIONS = 12;
/** 200 are 50 MiB of text. */
const MESSAGES = 200;
/** Of the process: its code and the database's pages among them. */
const MAX_RESIDENT = 700 << 20;

let database: TestDatabase;
let server: OwnServer;
let headers: Record<string, string>;
let tenantId: string;
let sql: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;
const ids: string[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startOwnServer({
    DATABASE_URL: database.url,
    // One for each: of those that wait for a second or more, as on a busy machine, some are refused
    // (docs/operations.md).
    COLLOQUY_POOL_SIZE: String(CONVERSATIONS),
    NODE_OPTIONS: "--max-old-space-size=256",
  });
  const tables = tablesAt(database.url);
  const tenant = await tables.tenant();
  tenantId = tenant.id;
  sql = (text, values) => tables.sql(text, values);
  // Nobody searches here, and the words of so much text take PostgreSQL longer than all the rest.
  await sql("alter table message alter column search drop expression");
  headers = { ...tenant.headers, "content-type": "application/json" };
  for (let i = 0; i < CONVERSATIONS; i++) {
    const made = await (await send("POST", "/v1/conversations", { conversation: { title: "long" } })).json();
    const id: string = made.conversation?.id ?? made.id;
    ids.push(id);
    await send("POST", `/v1/conversations/${id}/messages`, { content: "first" });
    await tables.sql(
      `insert into message (tenant_id, conversation_id, seq, id, role, sender, content, state, create_time)
       select m.tenant_id, m.conversation_id, m.seq + n, gen_random_uuid(), m.role, m.sender, repeat('x', 260000),
         m.state, m.create_time
       from message m, generate_series(1, ${MESSAGES - 1}) n
       where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = 1`,
      [tenant.id, id],
    );
    await tables.sql(
      `update conversation set last_seq = ${MESSAGES}, message_count = ${MESSAGES} where tenant_id = $1 and id = $2::uuid`,
      [tenant.id, id],
    );
  }
}, 240_000);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await database?.drop();
});

function send(method: string, path: string, body: unknown): Promise<Response> {
  return fetch(server.url + path, { method, headers, body: JSON.stringify(body) });
}

function mostResident(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"));
  return Number(line?.[1]) * 1024;
}

test("S-REPLACE-PARALLEL: replaces of 50 MiB each at once, and the process lives", async () => {
  // As many as there are, each as short as may be: all that is stored is read to be compared.
  const messages = Array.from({ length: MESSAGES }, (_, i) => ({ content: `new ${i}`, role: "MESSAGE_ROLE_USER" }));
  const replace = async (id: string): Promise<unknown> => {
    const path = "/colloquy.v1.MessageService/ReplaceMessages";
    const answer = await send("POST", path, { conversationId: id, messages });
    return [answer.status, await answer.json()];
  };
  const answers = await Promise.all(ids.map(replace));
  for (const answer of answers) expect(answer).toEqual([200, { editedCount: MESSAGES }]);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  expect(mostResident()).toBeLessThan(MAX_RESIDENT);
});

test("S-REPLACE-PARALLEL: repeats of a send whose messages have grown to 25 MiB, and the process lives", async () => {
  const made = await (await send("POST", "/v1/conversations", { conversation: { title: "repeat" } })).json();
  const conversationId: string = made.conversation?.id ?? made.id;
  const messages = Array.from({ length: 100 }, (_, i) => ({ content: `short ${i}`, role: "MESSAGE_ROLE_USER" }));
  const body = { conversationId, messages, requestId: randomUUID() };
  const path = "/colloquy.v1.MessageService/BatchSendMessages";
  const first = await (await send("POST", path, body)).json();
  expect(first.messages).toHaveLength(100);
  await sql("update message set content = repeat('x', 260000) where tenant_id = $1 and conversation_id = $2::uuid", [
    tenantId,
    conversationId,
  ]);
  const repeats = await Promise.all(ids.map(async () => (await send("POST", path, body)).json()));
  for (const repeated of repeats) expect(repeated).toEqual(first);
  expect(mostResident()).toBeLessThan(MAX_RESIDENT);
});
