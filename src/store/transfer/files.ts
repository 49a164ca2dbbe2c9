// Reads which files the messages of a conversation name, and adds files that come with an import.
import type { Queryable, Statement } from "../database.ts";
import { IS_KEPT } from "../files/access.ts";
import type { FileRow } from "../files/files.ts";
import { fileColumns } from "../files/statements.ts";

/** A file, and a message that names it, or has named it before an edit. */
export interface FileUseRow extends FileRow {
  readonly conversation_id: string;
  readonly seq: bigint;
  /** When the message first named it. */
  readonly use_time: Date;
}

const PAGE = 500;

/** $1 tenant, $2 conversation, $3 seq and $4 file after, $5 limit. */
const exportUses: Statement<FileUseRow> = {
  name: "export_file_uses",
  text: `
  select u.conversation_id, u.seq, u.create_time as use_time,
    ${fileColumns}
  from file_use u join file f on f.tenant_id = $1 and f.id = u.file_id and ${IS_KEPT}
  where u.tenant_id = $1 and u.conversation_id = $2::uuid and (u.seq, u.file_id) > ($3::bigint, $4::uuid)
  order by u.seq, u.file_id limit $5`,
};

const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";

/** The files of a conversation, in the order of the messages. */
export async function* exportFileUses(
  on: Queryable,
  tenantId: string,
  conversationId: string,
): AsyncGenerator<FileUseRow, void> {
  for (let after = { seq: 0n, id: BEFORE_ALL }; ; ) {
    const rows = await on.query(exportUses, [tenantId, conversationId, after.seq, after.id, PAGE]);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE) return;
    after = last;
  }
}

/** What is there of a file and of the message that names it. */
export interface FileUseState {
  /** Undefined: the file is not there. */
  readonly file: "kept" | "erased" | undefined;
  readonly message: boolean;
  readonly used: boolean;
}

/** $1 tenant, $2 file, $3 conversation, $4 seq. */
const stateOfUse: Statement<{ erased: boolean | null; message: boolean; used: boolean }> = {
  name: "import_file_state",
  text: `
  select (select f.erase_time is not null from file f where f.tenant_id = $1 and f.id = $2::uuid) as erased,
    exists (select from message m where m.tenant_id = $1 and m.conversation_id = $3::uuid and m.seq = $4::bigint) as message,
    exists (select from file_use u
      where u.tenant_id = $1 and u.file_id = $2::uuid and u.conversation_id = $3::uuid and u.seq = $4::bigint) as used`,
};

/** $1 tenant, $2 conversation, $3 message. */
const seqOfMessage: Statement<{ seq: bigint }> = {
  name: "import_message_seq",
  text: `select m.seq from message m where m.tenant_id = $1 and m.conversation_id = $2::uuid and m.id = $3::uuid`,
};

/** The number of a message in its conversation; undefined: it is not there. */
export async function readMessageSeq(
  on: Queryable,
  tenantId: string,
  conversationId: string,
  messageId: string,
): Promise<bigint | undefined> {
  const [row] = await on.query(seqOfMessage, [tenantId, conversationId, messageId]);
  return row?.seq;
}

export async function readUseState(
  on: Queryable,
  tenantId: string,
  { id, conversation_id, seq }: Pick<FileUseRow, "id" | "conversation_id" | "seq">,
): Promise<FileUseState> {
  const [row] = await on.query(stateOfUse, [tenantId, id, conversation_id, seq]);
  const file = row?.erased === null || row === undefined ? undefined : row.erased ? "erased" : "kept";
  return { file, message: row?.message ?? false, used: row?.used ?? false };
}

/**
 * Adds a file if it is not there, and its use, if the message is there. A file without a message would be seen by
 * nobody and never go. $1 tenant, $2 id, $3 uploader, $4 name, $5 media type, $6 size, $7 SHA-256, $8 width, $9 height,
 * $10 create time,
 * $11 conversation, $12 seq, $13 use time, $14 purpose, $15 expire time or null.
 */
const addUse: Statement<{ id: string; added: boolean }> = {
  name: "import_file",
  changes: true,
  text: `
  with target as (
    select from message m where m.tenant_id = $1 and m.conversation_id = $11::uuid and m.seq = $12::bigint for key share of m
  ), added as (
    insert into file (tenant_id, id, uploader, name, media_type, size, sha256, width, height, create_time, named, purpose, expire_time)
    select $1, $2::uuid, $3, $4, $5, $6::bigint, $7::bytea, $8::integer, $9::integer, $10::timestamptz, true, $14, $15::timestamptz from target
    on conflict (tenant_id, id) do nothing
    returning id, size
  ), room as (
    insert into file_usage as u (tenant_id, bytes, files) select $1, a.size, 1 from added a
    on conflict (tenant_id) do update set bytes = u.bytes + excluded.bytes, files = u.files + 1
  ), held as (
    select f.id from file f where f.tenant_id = $1 and f.id = $2::uuid and f.erase_time is null for no key update of f
  ), known as (
    select id from added union all select id from held
  ), uses as (
    insert into file_use (tenant_id, file_id, conversation_id, seq, create_time)
    select $1, k.id, $11::uuid, $12::bigint, $13::timestamptz from known k, target
    on conflict do nothing
  )
  select k.id, exists (select from added) as added from known k, target`,
};

/** True: the file was added, and is that of the bytes that were stored for it. */
export async function addFileUse(on: Queryable, tenantId: string, use: FileUseRow): Promise<boolean> {
  const { id, uploader, name, media_type, size, sha256, width, height, create_time } = use;
  const file = [id, uploader, name, media_type, size, sha256, width, height, create_time];
  const rows = await on.query(addUse, [
    tenantId,
    ...file,
    use.conversation_id,
    use.seq,
    use.use_time,
    use.purpose,
    use.expire_time,
  ]);
  return rows[0]?.added ?? false;
}
