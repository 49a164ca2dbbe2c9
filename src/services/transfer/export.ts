// ExportConversations: everything there is of one conversation, or of all that the caller may see, at one moment.
import type { Record as ImportRecord } from "../../../gen/colloquy/v1/record_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import {
  type ConversationList,
  type ConversationRow,
  listConversations,
  readConversation,
} from "../../store/conversations/conversations.ts";
import type { Database, Queryable } from "../../store/database.ts";
import { areCut } from "../../store/driver/row-budget.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { exportReactions } from "../../store/reactions/reactions.ts";
import { exportLog, exportParticipants, exportRevisions, type KeptRevisionRow } from "../../store/transfer/export.ts";
import { exportFileUses, type FileUseRow } from "../../store/transfer/files.ts";
import {
  toConversationRecord,
  toEventRecord,
  toMessageRecord,
  toParticipantsRecord,
  toReactionsRecord,
  toRevisionsRecord,
} from "./convert.ts";

/** So many conversations are read at once. */
const PAGE = 100;
/** So many participants, or revisions, stand in one line. */
const MAX_IN_LINE = 1_000;
/** A line holds as many revisions as fit into so many bytes with the message: far less than an import takes. */
const LINE_BYTES = 1024 * 1024;

export interface Exported {
  readonly record: ImportRecord;
}

/**
 * @param conversationId empty: all that the caller may see
 * @param renew says again who calls, before each page, or throws where it may call no more
 * @param onFile told of the files that messages name, after the log of each conversation
 */
export function exportConversations(
  database: Database,
  caller: Caller,
  conversationId: string,
  signal: AbortSignal,
  renew?: () => Promise<Caller>,
  onFile?: (use: FileUseRow) => Promise<void>,
): AsyncIterable<Exported> {
  return database.snapshot(
    caller,
    signal,
    (on) => {
      const allowed = renew === undefined ? on : asLongAsAllowed(on, caller, renew);
      return readAll(allowed, caller, conversationId, signal, onFile);
    },
    lengthOf,
  );
}

/** What a line takes without its texts, and what a participant adds to one. */
const BARE_LINE_BYTES = 200;
const PARTICIPANT_BYTES = 100;

/** About how long the line of a record is, in bytes. */
function lengthOf({ record: { kind } }: Exported): number {
  let bytes = BARE_LINE_BYTES;
  if (kind.case === "conversation" || kind.case === "participants") {
    bytes += PARTICIPANT_BYTES * kind.value.participants.length;
  } else if (kind.case === "reactions") {
    bytes += PARTICIPANT_BYTES * kind.value.reactions.length;
  } else if (kind.case === "message" || kind.case === "revisions") {
    if (kind.case === "message") bytes += kind.value.message?.content.length ?? 0;
    for (const { content } of kind.value.revisions) bytes += content.length;
  }
  return bytes;
}

/** Reads as long as the caller sees as far as when it began. */
function asLongAsAllowed(on: Queryable, caller: Caller, renew: () => Promise<Caller>): Queryable {
  return {
    async query(statement, values, signal) {
      const { viewer } = await renew();
      if (viewer.kind !== caller.viewer.kind) {
        throw new DomainError(
          ErrorReason.PERMISSION_DENIED,
          "the caller's access changed during the export; begin again",
        );
      }
      return on.query(statement, values, signal);
    },
  };
}

async function* readAll(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  signal: AbortSignal,
  onFile: ((use: FileUseRow) => Promise<void>) | undefined,
): AsyncIterable<Exported> {
  const { tenantId } = caller;
  for await (const row of conversationsOf(on, caller, conversationId, signal)) {
    let first = true;
    for await (const parts of exportParticipants(on, tenantId, row.id, MAX_IN_LINE)) {
      if (first) yield { record: toConversationRecord(row, parts, tenantId) };
      else if (parts.length > 0) yield { record: toParticipantsRecord(row.id, parts) };
      first = false;
    }
    for await (const item of exportLog(on, tenantId, row.id)) {
      signal.throwIfAborted();
      if (item.kind === "event") yield { record: toEventRecord(item.row, row.id) };
      else {
        yield* readMessage(on, tenantId, item.row);
        if (!item.row.tallied) continue;
        for await (const reactions of exportReactions(on, tenantId, item.row, MAX_IN_LINE)) {
          yield { record: toReactionsRecord(item.row, reactions) };
        }
      }
    }
    if (onFile === undefined) continue;
    for await (const use of exportFileUses(on, tenantId, row.id)) await onFile(use);
  }
}

/** A message and what it was before, in as many lines as that takes. */
async function* readMessage(on: Queryable, tenantId: string, row: MessageRow): AsyncIterable<Exported> {
  let kept: KeptRevisionRow[] = [];
  let bytes = row.revision > 0 ? bytesOf(row) : 0;
  let first = true;
  const line = (): Exported => {
    const record = first ? toMessageRecord(row, kept) : toRevisionsRecord(row, kept);
    first = false;
    kept = [];
    bytes = 0;
    return { record };
  };
  for await (const revision of exportRevisions(on, tenantId, row)) {
    const more = bytesOf(revision);
    const full = bytes + more > LINE_BYTES || kept.length === MAX_IN_LINE;
    if (full && (first || kept.length > 0)) yield line();
    kept.push(revision);
    bytes += more;
  }
  if (first || kept.length > 0) yield line();
}

/** How long its text, its metadata and its parts are in a line. */
function bytesOf({ content, metadata, parts }: Pick<MessageRow, "content" | "metadata" | "parts">): number {
  return Buffer.byteLength(JSON.stringify([content, metadata])) + Buffer.byteLength(parts ?? "");
}

async function* conversationsOf(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  signal: AbortSignal,
): AsyncIterable<ConversationRow> {
  if (conversationId !== "") {
    const row = isOurId(conversationId) ? await readConversation(on, caller, conversationId, true, signal) : undefined;
    if (row === undefined) throw notFound("conversation");
    yield row;
    return;
  }
  const list = { order: "oldest", skip: 0, limit: PAGE, count: false, whole: true } as const;
  const kinds = [{}, { unlisted: true }].flatMap((filters) =>
    (["exclude", "only"] as const).map((deleted) => ({ filters, deleted })),
  );
  for (const kind of kinds) {
    let after: ConversationList["after"];
    for (;;) {
      const page = { ...list, ...kind, ...(after && { after }) };
      const { rows } = await listConversations(on, caller, page, signal);
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || (rows.length < PAGE && !areCut(rows))) break;
      after = { id: last.id, time: last.create_time };
    }
  }
}
