// An export is of one moment, whatever is written meanwhile; every store can be exported, and what comes out goes in again.
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exported, imported } from "../support/calls/transfer.ts";
import { failureOf } from "../support/failure.ts";
import { statementName } from "../support/postgres/postgres.ts";
import { type Clients, type StoreServer, startStoreServer, type TestTenant } from "../support/servers/store-server.ts";

let server: StoreServer;
beforeAll(async () => {
  server = await startStoreServer({ database: { poolSize: 8 } });
});
afterAll(() => server.close());

interface Line {
  readonly conversation?: { conversation: { id: string; title?: string; lastSeq?: string } };
  readonly message?: { message: { conversationId: string; seq: string } };
  readonly event?: { event: { conversationId: string; seq: string } };
}

/** What each conversation's lines say: the end of its log, and the places of what follows. */
function logsOf(lines: readonly string[]) {
  const logs = new Map<string, { title: string; lastSeq: number; seqs: number[] }>();
  for (const { conversation, message, event } of lines.map((line) => JSON.parse(line) as Line)) {
    const head = conversation?.conversation;
    if (head) logs.set(head.id, { title: head.title ?? "", lastSeq: Number(head.lastSeq ?? 0), seqs: [] });
    const entry = message?.message ?? event?.event;
    if (entry) logs.get(entry.conversationId)?.seqs.push(Number(entry.seq));
  }
  return logs;
}

/** Imports lines elsewhere and exports them from there. */
async function copyOf(lines: readonly string[], tenant: TestTenant): Promise<string[]> {
  const other = await server.tenant();
  const answer = await imported(other.key(), lines, { pieceBytes: 65_536 });
  expect(answer.errors).toEqual([]);
  return (await exported(other.key())).map((line) => line.replaceAll(other.id, tenant.id));
}

const query = (text: string, values: readonly unknown[]) =>
  server.database.query({ name: statementName(text), text }, values);

/** Takes the records of an export one by one; `act` runs once the first is there. */
async function exportedAround({ transfer }: Clients, act: () => Promise<unknown>): Promise<string[]> {
  const { toJson } = await import("@bufbuild/protobuf");
  const { RecordSchema } = await import("../../gen/colloquy/v1/record_pb.ts");
  const lines: string[] = [];
  for await (const { record } of transfer.exportConversations({})) {
    if (record) lines.push(JSON.stringify(toJson(RecordSchema, record)));
    if (lines.length === 1) await act();
  }
  return lines;
}

describe("A6: an export during writes", () => {
  /** By itself more than lies in buffers on the way, so that the rest is read after what `act` does. */
  async function filled(count: number, bytes = 10_000): Promise<{ tenant: TestTenant; key: Clients; ids: string[] }> {
    const tenant = await server.tenant();
    const key = tenant.key();
    const ids: string[] = [];
    for (let n = 0; n < count; n++) {
      const { conversation } = await key.conversations.createConversation({ conversation: { title: "0" } });
      ids.push(conversation?.id ?? "");
      const text = `insert into message (tenant_id, conversation_id, seq, id, role, sender, content)
        select $1, $2::uuid, s, gen_random_uuid(), 1, 'x', repeat('y', $3) from generate_series(1, 200) as s`;
      await query(text, [tenant.id, ids[n], bytes]);
      await query(
        "update conversation set last_seq = 200, message_count = 200 where tenant_id = $1 and id = $2::uuid",
        [tenant.id, ids[n]],
      );
    }
    return { tenant, key, ids };
  }

  test("A6: holds each log without a gap, up to the last_seq and with the title of one moment", async () => {
    const { key, ids } = await filled(5);
    const lines = await exportedAround(key, async () => {
      for (const conversationId of ids) {
        await key.messages.sendMessage({ conversationId, message: { content: "late" } });
        await key.conversations.updateConversation({ conversationId, conversation: { title: "late" } });
      }
    });
    const logs = logsOf(lines);
    expect([...logs.keys()].toSorted()).toEqual(ids.toSorted());
    for (const log of logs.values()) {
      expect(log.title).toBe("0");
      expect(log.lastSeq).toBe(200);
      expect(log.seqs).toEqual(Array.from({ length: 200 }, (_, n) => n + 1));
    }
  });

  test("S-EXPORT-RESTORE: holds a conversation once that is deleted or restored meanwhile, and none that is made", async () => {
    const { key, ids } = await filled(5);
    const gone = ids.splice(3, 1)[0] ?? "";
    await key.conversations.deleteConversation({ conversationId: gone });
    const lines = await exportedAround(key, async () => {
      await key.conversations.restoreConversation({ conversationId: gone });
      await key.conversations.deleteConversation({ conversationId: ids[3] ?? "" });
      await key.conversations.createConversation({});
    });
    const found = lines.flatMap((line) => (JSON.parse(line) as Line).conversation?.conversation.id ?? []);
    expect(found).toEqual([...ids, gone]);
  });

  test("A6: has its share of the connections, and waits its turn beyond it", async () => {
    const { tenant, key } = await filled(2);
    const other = tenant.key();
    const started: AsyncIterator<unknown>[] = [];
    for (const { transfer } of [key, other]) {
      const stream = transfer.exportConversations({})[Symbol.asyncIterator]();
      await stream.next();
      started.push(stream);
    }
    let waited = true;
    const waiting = exported(key).finally(() => {
      waited = started.length === 0;
    });
    // What takes a connection is answered meanwhile.
    for (let n = 0; n < 20; n++) await key.conversations.listConversations({});
    for (const stream of started.splice(0)) await stream.return?.();
    expect((await waiting).length).toBeGreaterThan(400);
    expect(waited).toBe(true);
  });

  test("A6: of twelve callers at once all are served, and of one that asks for too many the rest is told why", async () => {
    const { tenant, key } = await filled(1, 2_000);
    const all = await Promise.all(Array.from({ length: 12 }, () => exported(tenant.key())));
    expect(new Set(all.map((lines) => lines.length))).toEqual(new Set([201]));
    const many = await Promise.allSettled(Array.from({ length: 40 }, () => exported(key)));
    const refused = many.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    expect(many.length - refused.length).toBeGreaterThanOrEqual(9);
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) {
      expect(await failureOf(Promise.reject(reason))).toMatchObject({ code: "ResourceExhausted" });
      expect(String(reason)).toContain("exports: at most 8 of one caller may wait for their turn");
    }
  });
});

describe("F-EXPORT-IMPORTABLE: what an export makes is imported, and equal", () => {
  const LIMIT = 4 * 1024 * 1024;

  test("F-EXPORT-IMPORTABLE: of 255 KiB edited 17 times", async () => {
    const tenant = await server.tenant();
    const key = tenant.key();
    const { conversation } = await key.conversations.createConversation({ messages: [{ content: "first" }] });
    const { messages } = await key.messages.listMessages({ conversationId: conversation?.id ?? "" });
    const messageId = messages[0]?.id ?? "";
    for (let n = 0; n < 17; n++) {
      const content = `${n}${"ü".repeat(130_000)}`;
      await key.messages.updateMessage({ messageId, message: { content, metadata: { n } } });
    }
    const lines = await exported(key);
    expect(Math.max(...lines.map((line) => Buffer.byteLength(line)))).toBeLessThan(LIMIT / 2);
    const copy = await copyOf(lines, tenant);
    expect(copy).toEqual(lines);
  });

  test.each([
    ["24 edits of 200 KiB", 24, "repeat(md5(n::text), 6400)"],
    ["control characters, which are six times as long in JSON", 4, "repeat(chr(1), 262144)"],
    ["2,500 short edits", 2_500, "n::text"],
  ])("F-EXPORT-IMPORTABLE: %s", async (_, count, content) => {
    const tenant = await server.tenant("ann");
    const ann = tenant.member("ann");
    const { conversation } = await ann.conversations.createConversation({ messages: [{ content: "first" }] });
    const { messages } = await ann.messages.listMessages({ conversationId: conversation?.id ?? "" });
    const values = [tenant.id, messages[0]?.id];
    await query(
      `insert into message_revision (tenant_id, conversation_id, seq, revision, role, content, create_time, editor)
        select $1, m.conversation_id, m.seq, n, 1, ${content}, now(), 'ann'
        from message m, generate_series(0, ${count - 1}) as n where m.tenant_id = $1 and m.id = $2::uuid`,
      values,
    );
    await query(`update message set revision = ${count} where tenant_id = $1 and id = $2::uuid`, values);
    const lines = await exported(ann);
    expect(lines.length).toBeGreaterThan(1 + count / 1_000);
    for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThan(LIMIT);
    expect(await copyOf(lines, tenant)).toEqual(lines);
  });

  async function crowded(count: number): Promise<{ tenant: TestTenant; lines: string[] }> {
    const tenant = await server.tenant();
    const { conversation } = await tenant
      .key()
      .conversations.createConversation({ messages: [{ content: "1" }, { content: "2" }] });
    const parts = `generate_series(1, ${count}) as n`;
    await query(`insert into member (tenant_id, id) select $1, 'm-' || n from ${parts}`, [tenant.id]);
    await query(
      `insert into participant (tenant_id, conversation_id, member_id, join_seq, read_seq)
        select $1, $2::uuid, 'm-' || n, n % 3, n % 2 from ${parts}`,
      [tenant.id, conversation?.id],
    );
    const counted = `update conversation set participant_count = ${count} where tenant_id = $1 and id = $2::uuid`;
    await query(counted, [tenant.id, conversation?.id]);
    return { tenant, lines: await exported(tenant.key()) };
  }

  test("F-EXPORT-IMPORTABLE, S-IMPORT-PARTICIPANTS: 11,000 participants", async () => {
    const { tenant, lines } = await crowded(11_000);
    expect(lines).toHaveLength(13);
    expect(await copyOf(lines, tenant)).toEqual(lines);
  });

  test("F-EXPORT-IMPORTABLE: participants of many lines, after an import that broke off among them", async () => {
    const { tenant, lines } = await crowded(4_500);
    const other = await server.tenant();
    await imported(other.key(), lines.slice(0, 3), { pieceBytes: 65_536 });
    expect(await imported(other.key(), lines, { pieceBytes: 65_536 })).toMatchObject({ errors: [] });
    expect((await exported(other.key())).map((line) => line.replaceAll(other.id, tenant.id))).toEqual(lines);
    expect(await imported(other.key(), lines, { pieceBytes: 65_536 })).toMatchObject({ skippedCount: 7n, errors: [] });
  });

  test("F-EXPORT-IMPORTABLE: lines that go on with another name what they go on with", async () => {
    const tenant = await server.tenant();
    const createTime = "2024-05-01T08:00:00Z";
    const message = (id: string) => ({ conversationId: "c", id, content: "x", createTime, revision: 2 });
    const answer = await imported(tenant.key(), [
      { conversation: { conversation: { id: "c", createTime } } },
      { participants: { conversationId: "c", participants: [{ memberId: "ann" }] } },
      { message: { message: message("m") } },
      { revisions: { conversationId: "c", messageId: "m", revisions: [{ revision: 0, content: "0" }] } },
      { revisions: { conversationId: "c", messageId: "m", revisions: [{ revision: 2, content: "2" }] } },
      { message: { message: message("n") } },
      { revisions: { conversationId: "c", messageId: "m", revisions: [{ revision: 1, content: "1" }] } },
      { participants: { conversationId: "c", participants: [{ memberId: "bob" }] } },
      { participants: { conversationId: "d", participants: [{ memberId: "bob" }] } },
    ]);
    expect(answer.errors.map(({ line, description }) => [Number(line), description])).toEqual([
      [5, "revisions.revisions: must have numbers below that of the message"],
      [7, "revisions.message_id: must be that of the last message before"],
      [8, "participants.conversation_id: must be that of the conversation right before"],
      [9, "conversation_id: no conversation of this id came before"],
    ]);
  });

  test("F-EXPORT-IMPORTABLE: what cannot be compressed, in many messages, page by page", async () => {
    const tenant = await server.tenant();
    const { conversation } = await tenant.key().conversations.createConversation({});
    const conversationId = conversation?.id ?? "";
    for (let n = 0; n < 30; n++) {
      const content = randomBytes(90_000).toString("base64");
      await tenant.key().messages.sendMessage({ conversationId, message: { content } });
    }
    const lines = await exported(tenant.key());
    expect(logsOf(lines).get(conversationId)?.seqs).toHaveLength(30);
    expect(await copyOf(lines, tenant)).toEqual(lines);
  });
});
