// Notes who has read what was said in conversations in which it takes no part: one entry a minute for each caller,
// conversation and method.
import { createHash } from "node:crypto";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { idAt } from "../../domain/ids/id.ts";
import type { Queryable, Statement } from "../database.ts";
import type { AuditOrigin } from "./audit.ts";

const MINUTE_MS = 60_000;

/** A condition: member $2 owns conversation `c` or takes part in it. */
const TAKES_PART = `(c.owner_id = $2::text collate "C" or exists (select from participant p
      where p.tenant_id = $1 and p.conversation_id = c.id and p.member_id = $2::text collate "C"))`;

/**
 * $1 tenant, $2 member or null, $3 conversations, $4 ids of the entries, $5 actor, $6 method, $7 request id, $8
 * address.
 */
const noteConversations: Statement = {
  name: "audit_reads",
  changes: true,
  text: `
  insert into audit (tenant_id, id, actor, action, resource_type, resource_id, request_id, address, details)
  select $1, x.entry_id, $5, 'conversation.read', 'conversation', c.id::text, $7, $8, jsonb_build_object('method', $6::text)
  from unnest($3::uuid[], $4::uuid[]) x (id, entry_id) join conversation c on c.tenant_id = $1 and c.id = x.id
  where $2::text is null or not ${TAKES_PART}
  on conflict do nothing`,
};

/**
 * A file counts as read from outside if the reader has not uploaded it and takes part in no conversation that names it.
 * $3 file,
 * $4 id of the entry, the others as above.
 */
const noteFile: Statement = {
  name: "audit_file_read",
  changes: true,
  text: `
  with uses as materialized (
    select distinct u.conversation_id as id from file_use u where u.tenant_id = $1 and u.file_id = $3::uuid
  )
  insert into audit (tenant_id, id, actor, action, resource_type, resource_id, request_id, address, details)
  select $1, $4::uuid, $5, 'file.read', 'file', f.id::text, $7, $8, jsonb_build_object('method', $6::text)
    || coalesce((select jsonb_build_object('conversation_id', min(u.id::text)) from uses u having count(*) > 0), '{}')
  from file f where f.tenant_id = $1 and f.id = $3::uuid and f.uploader <> coalesce($2::text, $5::text) collate "C"
    and ($2::text is null or not exists (
      select from uses u join conversation c on c.tenant_id = $1 and c.id = u.id where ${TAKES_PART}))
  on conflict do nothing`,
};

/** $1 tenant, $2 member or null, $3 conversation. */
const takesPart: Statement<{ part: boolean }> = {
  name: "audit_takes_part",
  text: `
  select exists (select from conversation c where c.tenant_id = $1 and c.id = $3::uuid and $2::text is not null
    and ${TAKES_PART}) as part`,
};

export interface Reading {
  readonly caller: Caller;
  readonly origin: AuditOrigin;
  /** The method, such as `MessageService/ListMessages`. */
  readonly method: string;
}

/** The number of the minute that it is. */
export function currentMinute(): number {
  return Math.floor(Date.now() / MINUTE_MS);
}

export async function noteReads(on: Queryable, reading: Reading, ids: readonly string[], signal?: Interrupt) {
  const { caller } = reading;
  const entryIds = ids.map((id) => entryId(reading, id));
  await on.query(noteConversations, [caller.tenantId, caller.memberId, ids, entryIds, ...told(reading)], signal);
}

export async function noteFileRead(on: Queryable, reading: Reading, id: string, signal?: Interrupt): Promise<void> {
  const { caller } = reading;
  const values = [caller.tenantId, caller.memberId, id, entryId(reading, id), ...told(reading)];
  await on.query(noteFile, values, signal);
}

/** Whether the caller owns a conversation or takes part in it. */
export async function isPartOf(on: Queryable, caller: Caller, conversationId: string): Promise<boolean> {
  return (await on.query(takesPart, [caller.tenantId, caller.memberId, conversationId]))[0]?.part ?? false;
}

function told({ caller, method, origin }: Reading): string[] {
  return [caller.name, method, origin.requestId, origin.address];
}

/** The same for all reads of a minute, on any server: only the first is kept. */
function entryId({ caller, method }: Reading, id: string): string {
  const minute = currentMinute();
  const what = createHash("sha256")
    .update(JSON.stringify([caller.tenantId, caller.name, method, id, minute]))
    .digest();
  return idAt(minute * MINUTE_MS, what);
}
