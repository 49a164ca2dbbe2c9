// Promise R4: every table in every statement is held to one tenant.
import { describe, expect, test } from "vitest";
import { storeStatements } from "../../support/postgres/store-statements.ts";
import { unboundTables } from "../../support/postgres/tenant-binding.ts";
import { unboundStatements } from "../../support/run/statement-log.ts";

const all = await storeStatements(/statements?\.ts$/);
const statements = new Map(all.map(({ name, text }) => [name, text]));
const unbudgeted = new Set(
  all.filter(({ text, maxBytes }) => /limit\s+\$\d/.test(text) && maxBytes === undefined).map(({ name }) => name),
);

describe("each prepared statement holds every table to one tenant", () => {
  test("and there are many", () => expect(statements.size).toBeGreaterThan(40));

  test.each([...statements])("%s", async (_, text) => {
    expect(await unboundStatements([text])).toEqual([]);
  });
});

test("each statement that reads a page has a budget of bytes, but for rows that are small or bounded in SQL", () => {
  expect([...unbudgeted].toSorted()).toEqual([
    // One row of counts.
    "audit_drop",
    // Numbers and ids.
    "content_erasure_entries",
    "conversation_to_purge",
    // Numbers, ids and counts, of at most 500 rows.
    "erasure_attempts",
    "erasure_audit",
    "erasure_count_window",
    "erasure_entries",
    "erasure_events",
    "erasure_mention_rows",
    "erasure_mentions",
    "erasure_reactions",
    "erasure_requests",
    "erasure_texts",
    "erasure_window",
    // Exports hold one piece at a time, and sum up the bytes of its rows themselves.
    "export_events",
    "export_messages",
    "export_participants",
    "export_reactions",
    "export_revisions",
    "feed_read",
    // Ids of at most 1,000 conversations.
    "file_conversations",
    // Small rows: names of at most 255 characters.
    "file_list_conversation_manager",
    "file_list_conversation_member",
    "file_list_conversation_tenant",
    "file_list_message_manager",
    "file_list_message_member",
    "file_list_message_tenant",
    "file_list_oldest_uploads_manager",
    "file_list_oldest_uploads_member",
    "file_list_oldest_uploads_tenant",
    "file_list_shown_message_manager",
    "file_list_shown_message_member",
    "file_list_shown_message_tenant",
    "file_list_uploads_manager",
    "file_list_uploads_member",
    "file_list_uploads_tenant",
    // The id of one hold.
    "legal_hold_over_end",
    // Ids of at most 1,000 members.
    "mention_all",
    "message_mark_deleted_after",
    "message_places_after",
    "purge_piece",
    // Ids of at most 2,000 conversations, and counts.
    "retention_window",
    // Ids and times.
    "scheduled_next",
  ]);
});

describe("the check", () => {
  test.each<[string, string[]]>([
    ["select 1 from message m where m.tenant_id = $1", []],
    ["select 1 from message where tenant_id = $1::uuid", []],
    ["select 1 from message m join conversation c on c.tenant_id = m.tenant_id where m.tenant_id = $1", []],
    [
      "select 1 from message m, lateral (select 1 from event e where e.tenant_id = m.tenant_id) e where $1 = m.tenant_id",
      [],
    ],
    ["with c as (select * from conversation x where x.tenant_id = $1) select * from c", []],
    ["insert into message (tenant_id, id) values ($1, $2)", []],
    ["insert into message (tenant_id, id) select x.tenant_id, x.id from message x where x.tenant_id = $1", []],
    ["update message set content = $2 where tenant_id = $1 and id = $3", []],
    ["select 1 from tenant t where t.id = $1", []],
    [`select "a0".* from "api_key" as "a0" where "a0"."tenant_id" = 'x' and "a0"."id" = 'y'`, []],

    ["select 1 from message", ["message"]],
    ["select 1 from message m where m.id = $1", ["message m"]],
    ["select 1 from message m where m.tenant_id <> $1", ["message m"]],
    ["select 1 from message m where m.tenant_id = $1 or m.id = $2", ["message m"]],
    ["select 1 from message m where not (m.tenant_id = $1)", ["message m"]],
    ["select 1 from message m where m.tenant_id = m.tenant_id", ["message m"]],
    [
      "select 1 from message m join conversation c on c.id = m.conversation_id where m.tenant_id = $1",
      ["conversation c"],
    ],
    ["select 1 from message m join conversation c on c.tenant_id = m.tenant_id", ["message m", "conversation c"]],
    ["select (select count(*) from event) from message m where m.tenant_id = $1", ["event"]],
    ["select 1 from message m where m.tenant_id = $1 and exists (select from event e where e.id = m.id)", ["event e"]],
    ["with c as (select * from conversation) select * from c", ["conversation"]],
    ["with c as (delete from message where id = $1 returning 1) select * from c", ["message"]],
    ["select 1 from message where tenant_id = $1 union all select 1 from event", ["event"]],
    ["insert into message (id) values ($1)", ["insert into message"]],
    ["insert into message (tenant_id, id) select $1, x.id from message x", ["message x"]],
    [
      "insert into message (tenant_id, id) select x.id, x.id from message x where x.tenant_id = $1",
      ["insert into message"],
    ],
    ["update message set content = $1 where id = $2", ["message"]],
    ["update message m set content = x.content from message x where x.tenant_id = $1", ["message m"]],
    ["delete from message using conversation c where c.tenant_id = $1", ["message"]],
    ["select 1 from tenant", ["tenant"]],
  ])("%s", async (sql, expected) => {
    expect((await unboundTables(sql)).sort()).toEqual([...expected].sort());
  });
});
