// ExportMember: everything of and about one person as one ZIP archive, written while it is read.
import { makeZip } from "client-zip";
import { notFound } from "../../../domain/errors.ts";
import type { Caller } from "../../../domain/identity/caller.ts";
import type { ByteStore } from "../../../files/byte-store.ts";
import type { Database } from "../../../store/database.ts";
import { readMember } from "../../../store/directory/members.ts";
import { nextWindow } from "../../../store/erasure/rest.ts";
import * as store from "../../../store/transfer/member.ts";
import { auditLine, conversationLines, fileLine, memberLines } from "./lines.ts";
import { README, readmeOf } from "./readme.ts";

/** Maximum bytes of a part of the archive. */
const PART_BYTES = 256 * 1024;
/** Lines are put together up to so many characters. */
const CHUNK_CHARACTERS = 64 * 1024;

export interface MemberArchiveParts {
  readonly database: Database;
  readonly bytes: ByteStore;
  /** Says again who calls, or throws where it may call no more. */
  readonly renew: () => Promise<Caller>;
}

interface ArchiveFile {
  readonly name: string;
  readonly lastModified: Date;
  readonly input: AsyncIterable<string | Uint8Array<ArrayBuffer>>;
}

/** Throws NOT_FOUND for a member that does not exist. Yields parts of the archive, at the reader's pace. */
export async function* exportMember(
  parts: MemberArchiveParts,
  caller: Caller,
  memberId: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if ((await readMember(parts.database, caller, memberId, true)) === undefined) throw notFound("member");
  const archive = makeZip(filesOf(parts, caller, memberId, signal));
  yield* inParts(archive as unknown as AsyncIterable<Uint8Array>);
}

/** Small pieces together, and large ones cut. */
async function* inParts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let held: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.byteLength; at += PART_BYTES) {
      const part = piece.subarray(at, at + PART_BYTES);
      if (bytes + part.byteLength > PART_BYTES) {
        yield Buffer.concat(held);
        held = [];
        bytes = 0;
      }
      held.push(part);
      bytes += part.byteLength;
    }
  }
  if (bytes > 0) yield Buffer.concat(held);
}

/**
 * The files of the archive. Each is read to its end before the next is asked for, so that counts are whole at the last
 * one.
 */
async function* filesOf(
  { database, bytes, renew }: MemberArchiveParts,
  caller: Caller,
  memberId: string,
  signal: AbortSignal,
): AsyncGenerator<ArchiveFile> {
  const { tenantId } = caller;
  const now = new Date();
  const counts = new Map<string, number>();
  const file = (name: string, lines: AsyncIterable<{ readonly kind: string; readonly line: object }>): ArchiveFile => ({
    name,
    lastModified: now,
    input: chunks(lines, counts, signal),
  });
  yield file("member.ndjson", memberLines(database, caller, memberId));
  for (let after: string | null = null; ; ) {
    signal.throwIfAborted();
    await renew();
    const window = await nextWindow(database, tenantId, memberId, after, null, signal);
    if (window === undefined) break;
    for (const { id: conversationId } of window.found) {
      const place = { tenantId, conversationId, memberId };
      yield file(`conversations/${conversationId}.ndjson`, conversationLines(database, caller, place));
    }
    after = window.lastId;
  }
  yield file("files.ndjson", fileLines(database, tenantId, memberId));
  for await (const row of store.memberFiles(database, tenantId, memberId)) {
    await renew();
    // The id, and the end of its name, by which programs know what it is.
    const ending = /\.[A-Za-z0-9]{1,16}$/.exec(row.name)?.[0] ?? "";
    const range = { offset: 0, length: Number(row.size) };
    const input = row.size === 0n ? nothing() : bytes.read({ tenantId, id: row.id }, range);
    yield {
      name: `files/${row.id}${ending}`,
      lastModified: row.create_time,
      input: input as ArchiveFile["input"],
    };
  }
  yield file("audit.ndjson", auditLines(database, tenantId, memberId));
  yield { name: README, lastModified: now, input: once(readmeOf(memberId, now, counts)) };
}

async function* fileLines(database: Database, tenantId: string, memberId: string) {
  for await (const row of store.memberFiles(database, tenantId, memberId)) yield fileLine(row);
}

async function* auditLines(database: Database, tenantId: string, memberId: string) {
  for await (const row of store.memberAudit(database, tenantId, memberId)) yield auditLine(row);
}

/** Lines as text, some together, counted by kind. */
async function* chunks(
  lines: AsyncIterable<{ readonly kind: string; readonly line: object }>,
  counts: Map<string, number>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let text = "";
  for await (const { kind, line } of lines) {
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    text += `${JSON.stringify(line)}\n`;
    if (text.length < CHUNK_CHARACTERS) continue;
    signal.throwIfAborted();
    yield text;
    text = "";
  }
  yield text;
}

async function* once(text: string): AsyncGenerator<string> {
  yield text;
}

async function* nothing(): AsyncGenerator<Uint8Array<ArrayBuffer>> {}
