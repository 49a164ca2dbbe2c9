// Under load, with policies, purges, holds and erasures at once: what a hold covers is never lost, and what was erased
// is nowhere.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditService } from "../../gen/colloquy/v1/audit_service_pb.ts";
import { DeletedFilter } from "../../gen/colloquy/v1/deleted_filter_pb.ts";
import { ErasureService } from "../../gen/colloquy/v1/erasure_service_pb.ts";
import { LegalHoldService } from "../../gen/colloquy/v1/legal_hold_service_pb.ts";
import { RetentionAction } from "../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../gen/colloquy/v1/retention_service_pb.ts";
import { TransferService } from "../../gen/colloquy/v1/transfer_service_pb.ts";
import { newId } from "../../src/domain/ids/id.ts";
import { purgeDue } from "../../src/jobs/purge.ts";
import { runRetention } from "../../src/jobs/retention.ts";
import { personOf } from "../support/calls/files.ts";
import { exported } from "../support/calls/transfer.ts";
import { reasonOf } from "../support/errors.ts";
import { runJobs, tablesWith } from "../support/postgres/erasure.ts";
import { administer } from "../support/postgres/postgres.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";
import { runPolicies } from "../support/servers/retention.ts";

const ROUNDS = process.env.TORTURE === "1" ? 20 : 1;
const SENDS = process.env.TORTURE === "1" ? 200 : 20;

const lines: string[] = [];
/** Of all rounds: what was erased, and what was not. */
const gone: string[] = [];
const kept: string[] = [];
let server: IdentityServer;
beforeAll(async () => {
  server = await startIdentityServer({ logger: pino({ level: "info" }, { write: (line) => void lines.push(line) }) });
});
afterAll(() => server.close());

/** How a conversation is: what covers it, and what its fate must be. */
const KINDS = ["held", "held by its member", "held by a match", "old", "young", "emptied"] as const;

async function scene() {
  const tenant = await server.tenant();
  const { credential } = await tenant.key("read", "write", "admin");
  const key = personOf(server, credential);
  const mark = newId();
  const eve = `eve-${mark}`;
  for (const id of ["ann", "dave", "dora", eve]) await tenant.addMember(id);
  const places: { id: string; kind: (typeof KINDS)[number]; said: string[] }[] = [];
  for (const kind of KINDS) {
    // What a hold covers keeps whoever is in it: the erasure would wait.
    const kept: Partial<Record<typeof kind, string>> = {
      held: "dave",
      "held by its member": "dora",
      "held by a match": "dave",
    };
    const other = kept[kind] ?? eve;
    const labels = kind === "held by a match" ? { matter: "red" } : {};
    const { conversation } = await key.conversations.createConversation({
      conversation: { mode: kind.startsWith("held") ? "old" : kind, labels },
      participantIds: ["ann", other],
    });
    places.push({ id: conversation?.id ?? "", kind, said: [] });
  }
  return {
    tenant,
    credential,
    key,
    mark,
    eve,
    places,
    person: async (id: string) => personOf(server, await tenant.token(id)),
  };
}

async function round(): Promise<void> {
  const { tenant, credential, key, mark, eve, places, person } = await scene();
  const { database } = server;
  const ann = await person("ann");
  const say = async (who: typeof ann, place: (typeof places)[number], text: string) => {
    const { message } = await who.messages.sendMessage({ conversationId: place.id, message: { content: text } });
    if (message !== undefined && who === ann) place.said.push(text);
  };
  const writer = await person(eve);
  for (const place of places) {
    await say(ann, place, `kept ${newId()}`);
    if (!place.kind.startsWith("held")) await say(writer, place, `gone-${mark}`);
  }
  const holds = server.client(LegalHoldService, credential);
  const hold = (scope: object) =>
    holds.createLegalHold({ legalHold: { displayName: "H", reason: "R", scope: scope as never } });
  const at = (kind: string) => places.find((place) => place.kind === kind)?.id ?? "";
  await hold({ case: "conversationId", value: at("held") });
  await hold({ case: "memberId", value: "dora" });
  await hold({ case: "match", value: { labels: { matter: "red" } } });
  const old = `update conversation set create_time = now() - interval '90 days', last_message_time = now() - interval '90 days'
    where tenant_id = $1 and mode <> 'young'`;
  await database.query({ name: "test_governance_old", text: old }, [tenant.id]);
  // As PostgreSQL does by itself at any time: it has samples then of what will be erased.
  await administer(server.databaseUrl, "analyze");
  const retention = server.client(RetentionService, credential);
  const { PURGE, ERASE_CONTENT } = RetentionAction;
  for (const [mode, action] of [
    ["old", PURGE],
    ["emptied", ERASE_CONTENT],
  ] as const) {
    const due = { ageDays: 30, nextRunTime: timestampFromMs(Date.now() - 1_000) };
    const retentionPolicy = { displayName: mode, match: { mode }, action, ...due };
    await retention.createRetentionPolicy({ retentionPolicy });
  }

  const load = async () => {
    const young = places.find(({ kind }) => kind === "young");
    for (let count = 0; young !== undefined && count < SENDS; count++) await say(ann, young, `kept ${newId()}`);
  };
  const purges = places
    .filter(({ kind }) => kind.startsWith("held"))
    .map(async ({ id }) => {
      await key.conversations.deleteConversation({ conversationId: id });
      expect(await reasonOf(key.conversations.purgeConversation({ conversationId: id }))).toBe("HELD");
    });
  const erase = async () => {
    await server.client(ErasureService, credential).eraseMember({ memberId: eve });
    await runJobs(database, tenant.id);
  };
  await Promise.all([
    load(),
    ...purges,
    runRetention(database, tenant.id, undefined),
    erase(),
    purgeDue(database, tenant.id),
  ]);
  // What was locked while the policy looked at it is due again at its next run.
  await database.query(
    { name: "test_governance_again", text: "update retention_policy set next_run_time = now() where tenant_id = $1" },
    [tenant.id],
  );
  await runPolicies(retention, database, tenant.id);

  for (const { id, kind, said } of places) {
    const found = await key.conversations
      .getConversation({ conversationId: id, deleted: DeletedFilter.INCLUDE })
      .catch(() => undefined);
    expect([kind, found !== undefined]).toEqual([kind, kind !== "old"]);
    if (kind.startsWith("held")) await key.conversations.restoreConversation({ conversationId: id });
    if (kind === "old") continue;
    if (kind === "emptied") {
      const all = { conversationId: id, pageSize: 1_000, deleted: DeletedFilter.INCLUDE };
      const { messages } = await key.messages.listMessages(all);
      expect(messages.map(({ content }) => content)).toEqual(["", ""]);
      expect(await tablesWith(database, said[0] ?? "")).toEqual([]);
      gone.push(...said);
      continue;
    }
    const shown = new Set<string>();
    for (let pageToken: string | undefined = ""; pageToken !== undefined; ) {
      const page = await key.messages.listMessages({ conversationId: id, pageSize: 200, pageToken });
      for (const { content } of page.messages) shown.add(content);
      pageToken = page.nextPageToken || undefined;
    }
    kept.push(...said);
    expect(said.filter((text) => !shown.has(text))).toEqual([]);
  }
  expect(await tablesWith(database, mark)).toEqual([]);
  expect(JSON.stringify(await exported({ transfer: server.client(TransferService, credential) }))).not.toContain(mark);
  gone.push(mark);
  expect(lines.filter((line) => line.includes(mark))).toEqual([]);
  expect((await server.client(AuditService, credential).verifyAudit({})).complete).toBe(true);
}

const rounds = Array.from({ length: ROUNDS }, (_, place) => [place + 1] as const);
test.for(rounds)("nothing held is lost and nothing erased is left, round %i", { timeout: 120_000 }, round);

/** Each file in a folder, however deep. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** Undefined: it is gone meanwhile, such as what PostgreSQL makes anew at its next start of a session. */
function bytesOf(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

test("nothing erased is left in a file: of tables, of indexes, of the server", { timeout: 120_000 }, async () => {
  const where = `select d.oid, a.pid from pg_database d, pg_stat_activity a
    where d.datname = current_database() and a.backend_type = 'checkpointer'`;
  const [found] = await administer(server.databaseUrl, where);
  const inFiles = () => {
    const files = [`/proc/${found?.pid}/cwd/base/${found?.oid}`, server.dataDir].flatMap(filesIn).flatMap((path) => {
      const bytes = bytesOf(path);
      return bytes === undefined ? [] : [{ path, bytes }];
    });
    return (text: string) => files.filter(({ bytes }) => bytes.includes(text)).map(({ path }) => [text, path]);
  };
  const left = async () => {
    // Until then PostgreSQL has samples of values, by which it plans, and versions of rows that nobody sees any more.
    await administer(server.databaseUrl, "analyze");
    await administer(server.databaseUrl, "vacuum full");
    await administer(server.databaseUrl, "checkpoint");
    return gone.flatMap(inFiles());
  };
  // More than once: whoever has an older snapshot, such as PostgreSQL's own analyze of another table, keeps versions.
  await expect.poll(left, { timeout: 60_000, interval: 1_000 }).toEqual([]);
  expect(kept.slice(-10).filter((text) => inFiles()(text).length === 0)).toEqual([]);
});
