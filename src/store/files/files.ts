// Adds, reads and lists files, and notes which messages name them.
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Queryable } from "../database.ts";
import * as sql from "./statements.ts";
import type { Uploader } from "./uploader.ts";

export type { FileRow } from "./statements.ts";

/** A file whose bytes are stored. */
export interface NewFile {
  readonly id: string;
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: Uint8Array;
  readonly width: number | undefined;
  readonly height: number | undefined;
  /** Empty: none was said. */
  readonly purpose: string;
  /** How long it is kept, in milliseconds; undefined: as long as a message names it. */
  readonly ttlMs?: number | undefined;
  /** In which an agent made it; undefined: somebody uploaded it. */
  readonly conversationId?: string;
}

/** The bytes that the files of a tenant take. */
export async function readUsage(on: Queryable, tenantId: string, signal?: Interrupt): Promise<number> {
  return Number((await on.query(sql.readUsage, [tenantId], signal))[0]?.bytes ?? 0n);
}

/** Undefined: the tenant has no room for it, or its uploader may not call any more. */
export async function insertFile(
  on: Queryable,
  { tenantId, actor }: Pick<Caller, "tenantId" | "actor">,
  { memberId, keyId }: Uploader,
  file: NewFile,
  quota: number | undefined,
): Promise<sql.FileRow | undefined> {
  const { id, name, mediaType, size, sha256, width, height, purpose } = file;
  const sides = [width ?? null, height ?? null];
  const values = [
    tenantId,
    id,
    actor,
    name,
    mediaType,
    size,
    sha256,
    ...sides,
    quota ?? null,
    purpose,
    memberId,
    keyId,
    file.conversationId ?? null,
    file.ttlMs ?? null,
  ];
  return (await on.query(sql.insertFile, values))[0];
}

/** Undefined: the caller does not see it. */
export async function readFile(
  on: Queryable,
  { tenantId, memberId, viewer, actor }: Caller,
  id: string,
  signal?: Interrupt,
): Promise<sql.FileRow | undefined> {
  return (await on.query(sql.readFile[viewer.kind], [tenantId, memberId, id, actor], signal))[0];
}

/** Undefined: the caller may not let a message name it. */
export async function readNameableFile(
  on: Queryable,
  { tenantId, memberId, viewer, actor }: Caller,
  id: string,
): Promise<sql.FileRow | undefined> {
  return (await on.query(sql.readNameableFile[viewer.kind], [tenantId, memberId, id, actor]))[0];
}

/**
 * A file that a legal hold covers, deleted or not. Undefined: there is none, or the caller does not see the whole
 * tenant.
 */
export async function readHeldFile(
  on: Queryable,
  { tenantId, viewer }: Caller,
  id: string,
  signal?: Interrupt,
): Promise<sql.FileRow | undefined> {
  return viewer.kind === "tenant" ? (await on.query(sql.readHeldFile, [tenantId, id], signal))[0] : undefined;
}

/** Whose files are listed: the caller's own uploads, or those of a conversation or a message. */
export type FileScope =
  | { readonly kind: "uploads"; readonly purpose: string; readonly oldestFirst: boolean }
  | { readonly kind: "conversation"; readonly id: string }
  /** `shownIn` is a conversation that has or inherits it; empty: its own. */
  | { readonly kind: "message"; readonly id: string; readonly shownIn: string };

const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";
const AFTER_ALL = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/**
 * A page, newest first where the scope does not say otherwise; undefined: the caller does not see the conversation, or
 * the message.
 *
 * @param page `edge` is the id next to which it begins
 */
export async function listFiles(
  on: Queryable,
  { tenantId, memberId, viewer, actor }: Caller,
  scope: FileScope,
  { edge, limit }: { readonly edge?: string | undefined; readonly limit: number },
  signal?: Interrupt,
): Promise<sql.FileRow[] | undefined> {
  if (scope.kind === "uploads") {
    const { purpose, oldestFirst } = scope;
    const statement = (oldestFirst ? sql.listOldestUploads : sql.listUploads)[viewer.kind];
    const from = edge ?? (oldestFirst ? BEFORE_ALL : AFTER_ALL);
    return on.query(statement, [tenantId, memberId, from, actor, limit, purpose], signal);
  }
  const [statements, ids] = statementOf(scope);
  const [first, ...more] = ids;
  const values = [tenantId, memberId, first, edge ?? AFTER_ALL, limit, ...more];
  const rows = await on.query(statements[viewer.kind], values, signal);
  return rows.length === 0 ? undefined : rows.filter((row): row is sql.FileRow => row.id !== null);
}

function statementOf(scope: Exclude<FileScope, { kind: "uploads" }>) {
  if (scope.kind === "conversation") return [sql.listOfConversation, [scope.id]] as const;
  if (scope.shownIn === "") return [sql.listOfMessage, [scope.id]] as const;
  return [sql.listOfShownMessage, [scope.shownIn, scope.id]] as const;
}

/** More are not told. */
const MAX_CONVERSATIONS = 1_000;

/** The conversations that show a file; undefined: there are too many. */
export async function conversationsOf(on: Queryable, tenantId: string, id: string): Promise<Set<string> | undefined> {
  const rows = await on.query(sql.conversationsOf, [tenantId, id, MAX_CONVERSATIONS]);
  return rows.length === MAX_CONVERSATIONS ? undefined : new Set(rows.map((row) => row.id));
}

/** Whether a message of the conversation names the file, or an agent made it there. */
export async function isNamedIn(
  on: Queryable,
  tenantId: string,
  id: string,
  conversationId: string,
  signal?: Interrupt,
): Promise<boolean> {
  return (await on.query(sql.isNamedIn, [tenantId, id, conversationId], signal))[0]?.named ?? false;
}

/** A message of a locked conversation, and the files that it names. */
export interface Naming {
  readonly seq: bigint;
  readonly files: readonly string[];
}

/** Notes what messages name. Returns the ids of files that the caller may not name: then the messages must not stay. */
export async function nameFiles(
  tx: Queryable,
  { tenantId, memberId, viewer, actor }: Caller,
  conversationId: string,
  naming: readonly Naming[],
): Promise<Set<string>> {
  const files = new Set(naming.flatMap((one) => one.files));
  if (files.size === 0) return files;
  const pairs = naming.flatMap(({ seq, files: named }) => [...new Set(named)].map((id) => [seq, id] as const));
  const rows = await tx.query(sql.nameFiles[viewer.kind], [
    tenantId,
    memberId,
    conversationId,
    actor,
    [...files],
    pairs.map(([seq]) => seq),
    pairs.map(([, id]) => id),
  ]);
  for (const { id } of rows) files.delete(id);
  return files;
}
