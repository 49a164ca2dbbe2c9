// The statements that add, read and list files.
import type { Statement } from "../database.ts";
import { IS_HELD_FILE } from "../legal-holds/condition.ts";
import { forEachViewer, type ViewerKind, visible } from "../visibility.ts";
import { IS_KEPT, mayNameFile, seesFile } from "./access.ts";
import { uploaderStays } from "./uploader.ts";

export interface FileRow {
  readonly id: string;
  readonly uploader: string;
  readonly name: string;
  readonly media_type: string;
  readonly size: bigint;
  readonly sha256: Buffer;
  readonly width: number | null;
  readonly height: number | null;
  readonly create_time: Date;
  readonly purpose: string;
  readonly expire_time: Date | null;
}

/** Of file `f`, as {@link FileRow} has them. */
export const fileColumns =
  "f.id, f.uploader, f.name, f.media_type, f.size, f.sha256, f.width, f.height, f.create_time, f.purpose, f.expire_time";

/** How much room the files of a tenant take. $1 tenant. */
export const readUsage: Statement<{ bytes: bigint }> = {
  name: "file_usage_read",
  text: "select u.bytes from file_usage u where u.tenant_id = $1",
};

/**
 * Adds a file whose bytes are stored, if its uploader may still call and the tenant has room for it; else no row. $1
 * tenant, $2 id,
 * $3 uploader, $4 name, $5 media type, $6 size, $7 SHA-256, $8 width, $9 height, $10 maximum bytes of the tenant's
 * files or null,
 * $11 purpose, $12 the member that uploads or null, $13 the key or null, $14 the conversation in which an agent made it
 * or null, $15 the milliseconds that it is kept or null.
 */
export const insertFile: Statement<FileRow> = {
  name: "file_insert",
  changes: true,
  text: `
  with uploader as materialized (
    select 1 where ${uploaderStays("$12", "$13")}
  ), room as (
    insert into file_usage as u (tenant_id, bytes, files)
    select $1, $6::bigint, 1 from uploader where $10::bigint is null or $6::bigint <= $10::bigint
    on conflict (tenant_id) do update set bytes = u.bytes + excluded.bytes, files = u.files + 1
      where $10::bigint is null or u.bytes + excluded.bytes <= $10::bigint
    returning 1
  )
  insert into file as f (tenant_id, id, uploader, name, media_type, size, sha256, width, height, create_time, purpose, conversation_id,
    expire_time)
  select $1, $2::uuid, $3, $4, $5, $6::bigint, $7::bytea, $8::integer, $9::integer, date_trunc('milliseconds', statement_timestamp()), $11, $14::uuid,
    date_trunc('milliseconds', statement_timestamp()) + $15::bigint * interval '1 millisecond'
  from room
  returning ${fileColumns}`,
};

/** A file, if the caller sees it. $1 tenant, $2 caller, $3 id, $4 the caller as an actor. */
export const readFile = forEachViewer<FileRow>(
  "file_read",
  (kind) => `
  select ${fileColumns} from file f
  where f.tenant_id = $1 and f.id = $3::uuid and ${seesFile(kind, "$2::text", "$4::text")}`,
);

/** The same, if the caller may let a message name it. */
export const readNameableFile = forEachViewer<FileRow>(
  "file_read_nameable",
  (kind) => `
  select ${fileColumns} from file f
  where f.tenant_id = $1 and f.id = $3::uuid and ${mayNameFile(kind, "$2::text", "$4::text")}`,
);

/** A file, also one that a legal hold alone keeps, for who sees the whole tenant. $1 tenant, $2 id. */
export const readHeldFile: Statement<FileRow> = {
  name: "file_read_held",
  text: `select ${fileColumns} from file f where f.tenant_id = $1 and f.id = $2::uuid and ${IS_HELD_FILE}`,
};

const uploads = (name: string, comes: "<" | ">") =>
  forEachViewer<FileRow>(
    name,
    (kind) => `
  select ${fileColumns} from file f
  where f.tenant_id = $1 and f.uploader = $4::text and f.id ${comes} $3::uuid and ($6::text = '' or f.purpose = $6::text)
    and ${seesFile(kind, "$2::text", "$4::text")}
  order by f.id ${comes === "<" ? "desc" : "asc"} limit $5`,
  );

/**
 * Files that the caller has uploaded and still sees, newest first. $1 tenant, $2 caller, $3 before id, $4 the caller as
 * an actor, $5 limit,
 * $6 purpose, or empty for any.
 */
export const listUploads = uploads("file_list_uploads", "<");
/** The same, oldest first. $3 after id. */
export const listOldestUploads = uploads("file_list_oldest_uploads", ">");

/** Null columns: the conversation, or the message, names no more files. */
export type ListedRow = FileRow | { readonly id: null };

/** Files of the conversation `c`, or of its message `m`, if there is one in `uses`. */
const listed = (uses: string) => `left join lateral (
    select ${fileColumns} from (${uses}
      order by file_id desc limit $5
    ) u join file f on f.tenant_id = $1 and f.id = u.file_id and ${IS_KEPT}
  ) f on true`;

/** Files that messages of the conversation `c` itself name. */
const ownUses = `
      select distinct u.file_id from file_use u
      join message n on n.tenant_id = $1 and n.conversation_id = u.conversation_id and n.seq = u.seq and n.delete_time is null
      where u.tenant_id = $1 and u.conversation_id = c.id and u.file_id < $4::uuid`;

/** Files that messages name which it shows as a fork. */
const inheritedUses = `
      select u.file_id from branch_run s
      join conversation o on o.tenant_id = $1 and o.id = s.source_id and o.delete_time is null
      join file_use u on u.tenant_id = $1 and u.conversation_id = s.source_id and u.seq between s.from_seq and s.to_seq
        and u.create_time <= s.as_of and u.file_id < $4::uuid
      join message n on n.tenant_id = $1 and n.conversation_id = u.conversation_id and n.seq = u.seq and n.delete_time is null
      where s.tenant_id = $1 and s.conversation_id = c.id and s.source_id <> s.conversation_id`;

/**
 * Files that the messages of a conversation name, newest first; no row: the caller does not see it. $1 tenant, $2
 * caller,
 * $3 conversation, $4 before id, $5 limit.
 */
export const listOfConversation = forEachViewer<ListedRow>(
  "file_list_conversation",
  (kind) => `
  select ${fileColumns} from conversation c ${listed(`${ownUses} union ${inheritedUses}`)}
  where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(kind)}
  order by f.id desc`,
);

/** The same of a message. $3 message. */
export const listOfMessage = forEachViewer<ListedRow>(
  "file_list_message",
  (kind) => `
  select ${fileColumns} from message m join conversation c on c.tenant_id = $1 and c.id = m.conversation_id
  ${listed(`${ownUses} and u.seq = m.seq`)}
  where m.tenant_id = $1 and m.id = $3::uuid and m.delete_time is null and c.delete_time is null and ${visible(kind)}
  order by f.id desc`,
);

/**
 * The same of a message as a conversation shows it, be it inherited by a fork. $3 conversation, $6 message.
 */
export const listOfShownMessage = forEachViewer<ListedRow>(
  "file_list_shown_message",
  (kind) => `
  select ${fileColumns} from conversation c ${listed(`${ownUses} and n.id = $6::uuid union ${inheritedUses} and n.id = $6::uuid`)}
  where c.tenant_id = $1 and c.id = $3::uuid and c.delete_time is null and ${visible(kind)} and exists (
    select from message m where m.tenant_id = $1 and m.id = $6::uuid and m.delete_time is null
      and (m.conversation_id = c.id or exists (
        select from branch_run s join conversation o on o.tenant_id = $1 and o.id = s.source_id and o.delete_time is null
        where s.tenant_id = $1 and s.conversation_id = c.id and s.source_id = m.conversation_id
          and m.seq between s.from_seq and s.to_seq)))
  order by f.id desc`,
);

/**
 * The conversations that show a file: those whose messages name it, and forks that inherit one. $1 tenant, $2 file, $3
 * limit.
 */
export const conversationsOf: Statement<{ id: string }> = {
  name: "file_conversations",
  text: `
  select u.conversation_id as id from file_use u where u.tenant_id = $1 and u.file_id = $2::uuid
  union
  select s.conversation_id from file_use u
    join branch_run s on s.tenant_id = $1 and s.source_id = u.conversation_id and s.from_seq <= u.seq and s.to_seq >= u.seq
    where u.tenant_id = $1 and u.file_id = $2::uuid
  limit $3`,
};

/**
 * Whether a conversation names a file, or is the one in which an agent made it. $1 tenant, $2 file, $3 conversation.
 */
export const isNamedIn: Statement<{ named: boolean }> = {
  name: "file_named_in",
  text: `select exists (select from file_use u
    where u.tenant_id = $1 and u.file_id = $2::uuid and u.conversation_id = $3::uuid)
    or exists (select from file f where f.tenant_id = $1 and f.id = $2::uuid and f.conversation_id = $3::uuid and not f.named) as named`,
};

/**
 * Lets messages of a locked conversation name files that the caller may name, and returns those. The files are locked, so
 * that none is erased meanwhile. $1 tenant, $2 caller, $3 conversation, $4 the caller as an actor, $5 files, $6 seqs of
 * messages and $7 what each names.
 */
export const nameFiles = forEachViewer<{ id: string }>(
  "file_name",
  (kind) => `
  with held as materialized (
    select f.id from file f where f.tenant_id = $1 and f.id = any($5::uuid[])
      and ${mayNameFile(kind, "$2::text", "$4::text")}
    order by f.id for no key update of f
  ), uses as (
    insert into file_use (tenant_id, file_id, conversation_id, seq, create_time)
    select $1, n.file_id, $3::uuid, n.seq, date_trunc('milliseconds', statement_timestamp())
    from unnest($6::bigint[], $7::uuid[]) as n(seq, file_id) join held h on h.id = n.file_id
    on conflict do nothing
  ), marked as (
    update file f set named = true from held h where f.tenant_id = $1 and f.id = h.id and not f.named
  )
  select h.id from held h`,
  { changes: true },
);

/**
 * The files that the messages of a send name, locked if the caller may name them: see `log/send-statement.ts`, which has
 * row `target`.
 */
export const heldFiles = (kind: ViewerKind, ids: string) => `held as materialized (
    select f.id from file f
    where f.tenant_id = $1 and f.id = any(${ids}::uuid[]) and (select t.writable and t.status <> 3 from target t)
      and ${mayNameFile(kind, "$2::text", "$4::text")}
    order by f.id for no key update of f
  )`;
