// ExportConversations: everything there is of one conversation, or of all that the caller may see.
import type { Record as ImportRecord } from "../../gen/colloquy/v1/record_pb.ts";
import type { Caller } from "../domain/caller.ts";
import { notFound } from "../domain/errors.ts";
import { isOurId } from "../domain/id.ts";
import { type ConversationRow, listConversations, readConversation } from "../store/conversations.ts";
import type { Database } from "../store/database.ts";
import { exportLog, exportParticipants } from "../store/transfer.ts";
import { toConversationRecord, toLogRecord } from "./convert-record.ts";

const PAGE = 100;

/** @param conversationId empty: all that the caller may see */
export async function* exportConversations(
  database: Database,
  caller: Caller,
  conversationId: string,
  signal: AbortSignal,
): AsyncIterable<{ readonly record: ImportRecord }> {
  for await (const row of conversationsOf(database, caller, conversationId, signal)) {
    const parts = await exportParticipants(database, caller.tenantId, row.id);
    yield { record: toConversationRecord(row, parts, caller.tenantId) };
    for await (const item of exportLog(database, caller.tenantId, row.id)) {
      signal.throwIfAborted();
      yield { record: toLogRecord(item, row.id) };
    }
  }
}

async function* conversationsOf(
  database: Database,
  caller: Caller,
  conversationId: string,
  signal: AbortSignal,
): AsyncIterable<ConversationRow> {
  if (conversationId !== "") {
    const row = isOurId(conversationId)
      ? await readConversation(database, caller, conversationId, true, signal)
      : undefined;
    if (row === undefined) throw notFound("conversation");
    yield row;
    return;
  }
  for (const deleted of [false, true]) {
    let after: { id: string; updateTime: Date } | undefined;
    for (;;) {
      const list = {
        order: "oldest",
        deleted,
        filters: {},
        skip: 0,
        limit: PAGE,
        count: false,
        ...(after && { after }),
      };
      const { rows } = await listConversations(
        database,
        caller,
        list as Parameters<typeof listConversations>[2],
        signal,
      );
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) break;
      after = { id: last.id, updateTime: last.update_time };
    }
  }
}
