// The statement of a send.
import type { ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { heldFiles } from "../files/statements.ts";
import { countMessages, setMessageTime, WHEN_LOCKED } from "../messages/message-time.ts";
import { forEachViewer, takesPart, type ViewerKind, visible, writable } from "../visibility.ts";
import { sendFunctions } from "./send-function.ts";

/** The outcome of a send; no row: the caller does not see the conversation. */
export interface SendRow {
  /** Whether another call with this request id is running. */
  readonly in_progress: boolean;
  readonly writable: boolean;
  readonly status: ConversationStatus;
  /** False: the request id was used before. */
  readonly claimed: boolean;
  /** Of the files that the messages name, those that the caller sees. Null or left out: none. */
  readonly files?: readonly string[] | null;
  /** Null: nothing was added. */
  readonly last_seq: bigint | null;
  readonly create_time: Date | null;
}

/** All files that the messages name are there and locked. */
const ALL_HELD = " and (select count(*) from held) = cardinality($17::uuid[])";

/** Notes which messages name which files. */
const USES = `, uses as (
    insert into file_use (tenant_id, file_id, conversation_id, seq, create_time)
    select $1, n.file_id, $3::uuid, b.last_seq - cardinality($5::uuid[]) + n.ordinal, b.update_time
    from bump b, unnest($18::integer[], $19::uuid[]) as n(ordinal, file_id)
  ), marked as (
    update file f set named = true from bump b, held h where f.tenant_id = $1 and f.id = h.id and not f.named
  )`;

/**
 * The whole send in one statement, and so in one transaction: checks permission, claims the request id, assigns
 * numbers, adds the messages.
 *
 * The conversation is locked first (`target`), so its state cannot change after the claim: a claim without its effect
 * is impossible. The advisory lock comes before that: a second call with the same request id is refused instead of
 * waiting while it holds the conversation. $1 tenant, $2 caller, $3 id, $4 sender, $5 ids, $6 roles, $7 contents, $8
 * metadata, $9 client times, $10 caller's name, $11 method, $12 request id or null, $13 fingerprint, $14 whether only
 * those who take part see it, $15 kinds (null: a message), $16 parts (JSON text or null).
 */
export const send = forEachViewer<SendRow>("log_send", (kind) => statementFor(kind, false), {
  sharded: (kind) => sendFunctions[kind].call(16),
  changes: true,
  extendsLog: 2,
});

/**
 * The same for messages that name files: none is added unless the caller sees all of them. In addition $17 files, each
 * once, and for each pair of a message and a file, $18 the ordinal of the message and $19 the file.
 */
export const sendWithFiles = forEachViewer<SendRow>("log_send_files", (kind) => statementFor(kind, true), {
  sharded: (kind) => sendFunctions[kind].call(),
  changes: true,
  extendsLog: 2,
});

function statementFor(kind: ViewerKind, files: boolean): string {
  const when = (text: string) => (files ? text : "");
  return `
  with turn as materialized (
    select $12::text is null
      or pg_try_advisory_xact_lock(hashtextextended($1::uuid::text || $10::text || $11::text || $12::text, 0)) as mine
  ), target as materialized (
    select c.id, c.status, ${writable(kind)} as writable
    from conversation c
    where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(kind)}
      and (not $14::boolean or ${takesPart("$2::text")}) and (select mine from turn)
    for no key update of c
  ), ${when(`${heldFiles(kind, "$17")}, `)}claim as (
    insert into idempotency (tenant_id, caller, method, key, fingerprint, message_ids, create_time)
    select $1, $10::text, $11::text, $12::text, $13::bytea, $5::uuid[], now() from target
    where $12::text is not null and target.writable and target.status <> 3${when(ALL_HELD)}
    on conflict (tenant_id, caller, method, key) do update
      set fingerprint = excluded.fingerprint, message_ids = excluded.message_ids, answer = null,
        create_time = excluded.create_time
      where excluded.create_time - idempotency.create_time > interval '24 hours'
    returning 1
  ), bump as (
    update conversation c set
      last_seq = c.last_seq + cardinality($5::uuid[]),
      message_count = c.message_count + ${countMessages("$15")},
      ${setMessageTime("c.update_time", `${countMessages("$15")} > 0`, WHEN_LOCKED)}
    from target
    where c.tenant_id = $1 and c.id = $3::uuid and target.writable and target.status <> 3${when(ALL_HELD)}
      and ($12::text is null or exists (select from claim))
    returning c.last_seq, c.update_time
  ), added as (
    insert into message (tenant_id, conversation_id, seq, id, role, sender, content, metadata, client_time, create_time,
      kind, parts)
    select $1, $3::uuid, b.last_seq - cardinality($5::uuid[]) + m.ordinal, m.id, m.role, $4, m.content,
      m.metadata::jsonb, m.client_time, b.update_time, m.kind, m.parts
    from bump b,
      unnest($5::uuid[], $6::smallint[], $7::text[], $8::text[], $9::timestamptz[], $15::smallint[], $16::text[])
      with ordinality as m(id, role, content, metadata, client_time, kind, parts, ordinal)
  )${when(USES)}
  select not turn.mine as in_progress, coalesce(target.writable, false) as writable,
    coalesce(target.status, 0::smallint) as status, ($12::text is null or exists (select from claim)) as claimed,
    bump.last_seq, bump.update_time as create_time${when(", (select array_agg(h.id) from held h) as files")}
  from turn left join target on true left join bump on true
  where not turn.mine or target.id is not null`;
}
