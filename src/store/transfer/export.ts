// Reads all data of a conversation for an export, in pages of bounded size.

import { FIRST_PLACE } from "../conversations/participant-statements.ts";
import type { Queryable } from "../database.ts";
import type { MessageRow } from "../messages/columns.ts";
import * as sql from "./export-statements.ts";

export type { EventRow, KeptRevisionRow, PartRow } from "./export-statements.ts";

/** Maximum rows, and bytes of text, of a page. */
const PAGE = 200;
const PAGE_BYTES = 1024 * 1024;

/** All participants, in order, in pages of `size`; at least one page, which may be empty. */
export async function* exportParticipants(
  on: Queryable,
  tenantId: string,
  conversationId: string,
  size: number,
): AsyncGenerator<readonly sql.PartRow[], void> {
  let after = { join_seq: FIRST_PLACE, member_id: "" };
  for (;;) {
    const rows = await on.query(sql.exportParticipants, [
      tenantId,
      conversationId,
      after.join_seq,
      after.member_id,
      size,
    ]);
    yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < size) return;
    after = last;
  }
}

export type LogItem =
  | { readonly kind: "message"; readonly row: sql.ExportedMessageRow }
  | { readonly kind: "event"; readonly row: sql.EventRow };

/** The whole log of a conversation in order. */
export async function* exportLog(on: Queryable, tenantId: string, conversationId: string): AsyncIterable<LogItem> {
  const messages = paged((after) => on.query(sql.exportMessages, [tenantId, conversationId, after, PAGE, PAGE_BYTES]));
  const events = paged((after) => on.query(sql.exportEvents, [tenantId, conversationId, after, PAGE]));
  let message = await messages.next();
  let event = await events.next();
  while (!message.done || !event.done) {
    if (!message.done && (event.done || message.value.seq < event.value.seq)) {
      yield { kind: "message", row: message.value };
      message = await messages.next();
    } else if (!event.done) {
      yield { kind: "event", row: event.value };
      event = await events.next();
    }
  }
}

/** The revisions of a message, oldest first. */
export async function* exportRevisions(
  on: Queryable,
  tenantId: string,
  { conversation_id, seq, revision }: MessageRow,
): AsyncGenerator<sql.KeptRevisionRow, void> {
  // A message that was never edited has no revisions.
  for (let after = -1; revision > 0; ) {
    const rows = await on.query(sql.exportRevisions, [tenantId, conversation_id, seq, after, PAGE, PAGE_BYTES]);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || isLast(rows)) return;
    after = last.revision;
  }
}

async function* paged<Row extends { readonly seq: bigint; readonly found?: bigint }>(
  read: (after: bigint) => Promise<Row[]>,
): AsyncGenerator<Row, undefined> {
  for (let after = 0n; ; ) {
    const rows = await read(after);
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || isLast(rows)) return undefined;
    after = last.seq;
  }
}

/** Whether a page is the last one: it was limited neither by rows nor by bytes. */
function isLast(rows: readonly { readonly found?: bigint }[]): boolean {
  return rows.length < PAGE && Number(rows[0]?.found ?? rows.length) === rows.length;
}
