// Answers in the making have bounded memory: a process with a small heap lives through the worst that can be asked for
// at once.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { tablesAt } from "../fault/stage/database.ts";
import { type OwnServer, startOwnServer } from "../fault/stage/server.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";

vi.setConfig({ testTimeout: 240_000 });

const MESSAGES = 400;
const AT_ONCE = 12;
/** Of the process: its code and the database's pages among them. */
const MAX_RESIDENT = 600 << 20;

let database: TestDatabase;
let server: OwnServer;
let headers: Record<string, string>;
let id: string;
let tenantId: string;
let sql: (text: string, values?: unknown[]) => Promise<Record<string, unknown>[]>;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startOwnServer({
    DATABASE_URL: database.url,
    COLLOQUY_COMPAT: "crm",
    NODE_OPTIONS: "--max-old-space-size=256",
  });
  const tables = tablesAt(database.url);
  const tenant = await tables.tenant();
  ({ id: tenantId } = tenant);
  sql = (text, values) => tables.sql(text, values);
  // Nobody searches here, and the words of so much text take PostgreSQL longer than all the rest.
  await sql("alter table message alter column search drop expression");
  await sql("alter table message alter column content set storage external");
  headers = { ...tenant.headers, "content-type": "application/json" };
  const made = await (await post("/v1/conversations", { conversation: { title: "long" } })).json();
  id = made.conversation?.id ?? made.id;
  await post(`/v1/conversations/${id}/messages`, { content: "first" });
  await fill("repeat('a long text, ', 18000)", MESSAGES);
}, 240_000);
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await database?.drop();
});

function post(path: string, body: unknown): Promise<Response> {
  return fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
}

/** Copies the first message, with another text. */
async function fill(text: string, count: number): Promise<void> {
  await sql(
    `insert into message (tenant_id, conversation_id, seq, id, role, sender, content, state, create_time)
     select m.tenant_id, m.conversation_id, m.seq + n, gen_random_uuid(), m.role, m.sender, ${text}, m.state, m.create_time
     from message m, generate_series(1, ${count}) n where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.seq = 1`,
    [tenantId, id],
  );
}

function mostResident(): number {
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"));
  return Number(line?.[1]) * 1024;
}

/** The status and the length of each answer, asked for all at once. */
async function atOnce(count: number, path: string) {
  // Most are alike, and reading one takes long.
  const read = new Map<string, ReturnType<typeof JSON.parse>>();
  const ask = async () => {
    const answer = await fetch(server.url + path, { headers });
    const hash = createHash("sha256");
    const chunks: Uint8Array[] = [];
    for await (const chunk of answer.body ?? []) {
      hash.update(chunk);
      chunks.push(chunk);
    }
    const sum = hash.digest("hex");
    if (!read.has(sum)) read.set(sum, JSON.parse(Buffer.concat(chunks).toString()));
    return { status: answer.status, json: read.get(sum) };
  };
  return Promise.all(Array.from({ length: count }, ask));
}

describe("A2: a dozen of the largest answers at once", () => {
  test("are refused in the dialect's words where they are too large, and the process lives", async () => {
    const answers = await atOnce(AT_ONCE, `/v1/conversation/${id}/messages?per_page=1000`);
    for (const { status, json } of answers) expect([status, json.error.code]).toEqual([413, "too_large"]);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(mostResident()).toBeLessThan(MAX_RESIDENT);
  });

  test("are answered where they are not, each whole", async () => {
    const answers = await atOnce(AT_ONCE, `/v1/conversation/${id}/messages?per_page=60`);
    for (const { status, json } of answers) expect([status, json.data?.length]).toEqual([200, 60]);
    expect(mostResident()).toBeLessThan(MAX_RESIDENT);
  });

  test("of the canonical list too, page by page", async () => {
    const answers = await atOnce(AT_ONCE, `/v1/conversations/${id}/messages?page_size=200`);
    for (const { status, json } of answers) {
      expect(status).toBe(200);
      expect(json.messages.length).toBeGreaterThan(5);
      expect(json.nextPageToken).not.toBe("");
    }
    expect(mostResident()).toBeLessThan(MAX_RESIDENT);
  });
});
