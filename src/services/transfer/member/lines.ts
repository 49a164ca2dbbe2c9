// The lines of an export of one person, as JSON of the contract, each with its kind.
import { create, toJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { AuditEntrySchema } from "../../../../gen/colloquy/v1/audit_entry_pb.ts";
import { DraftSchema, ScheduledMessageSchema } from "../../../../gen/colloquy/v1/draft_pb.ts";
import { FileSchema } from "../../../../gen/colloquy/v1/file_pb.ts";
import { MemberSchema } from "../../../../gen/colloquy/v1/member_pb.ts";
import { RecordSchema } from "../../../../gen/colloquy/v1/record_pb.ts";
import { TurnSchema } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { toAuditEntry } from "../../../domain/audit/entry.ts";
import type { Caller } from "../../../domain/identity/caller.ts";
import { readConversation } from "../../../store/conversations/conversations.ts";
import type { Database } from "../../../store/database.ts";
import { readMember } from "../../../store/directory/members.ts";
import type { FileRow } from "../../../store/files/files.ts";
import { exportRevisions, type KeptRevisionRow } from "../../../store/transfer/export.ts";
import * as store from "../../../store/transfer/member.ts";
import { toMember } from "../../directory/convert.ts";
import { toDraftMessage, toScheduled } from "../../drafts/convert.ts";
import { toFile } from "../../files/convert.ts";
import {
  toConversationRecord,
  toEventRecord,
  toMessageRecord,
  toReactionsRecord,
  toRevisionsRecord,
} from "../convert.ts";

export interface Line {
  /** What is counted, as the readme names it. */
  readonly kind: string;
  readonly line: object;
}

/** Earlier texts of a message that stand in one line. */
const REVISIONS = 20;

export async function* memberLines(database: Database, caller: Caller, memberId: string): AsyncGenerator<Line> {
  const row = await readMember(database, caller, memberId, true);
  if (row !== undefined) yield { kind: "member", line: { member: toJson(MemberSchema, toMember(row)) } };
  const presence = await store.memberPresence(database, caller.tenantId, memberId);
  if (presence === undefined) return;
  yield { kind: "presence", line: { presence: { lastSeenTime: presence.last_seen_time?.toISOString() } } };
}

/** What a member has to do with one conversation; as in an export of the conversation, but for what is others'. */
export async function* conversationLines(
  database: Database,
  caller: Caller,
  place: store.MemberPlace,
): AsyncGenerator<Line> {
  const { tenantId, conversationId, memberId } = place;
  const record = (made: Parameters<typeof toJson<typeof RecordSchema>>[1]) => toJson(RecordSchema, made) as object;
  const row = await readConversation(database, caller, conversationId, true);
  if (row === undefined) return;
  const { parts, drafts, scheduled } = await store.memberRest(database, place);
  yield { kind: "conversations", line: record(toConversationRecord(row, parts, tenantId)) };
  for await (const message of store.memberMessages(database, place)) {
    const own = message.sender === memberId;
    yield { kind: own ? "messages" : "replies", line: record(toMessageRecord(message, [])) };
    if (!own) continue;
    let kept: KeptRevisionRow[] = [];
    for await (const revision of exportRevisions(database, tenantId, message)) {
      kept.push(revision);
      if (kept.length < REVISIONS) continue;
      yield { kind: "revisions", line: record(toRevisionsRecord(message, kept)) };
      kept = [];
    }
    if (kept.length > 0) yield { kind: "revisions", line: record(toRevisionsRecord(message, kept)) };
  }
  for await (const turn of store.memberTurns(database, place)) yield turnLine(turn);
  for await (const event of store.memberEvents(database, place)) {
    yield { kind: "events", line: record(toEventRecord(event, conversationId)) };
  }
  for await (const reaction of store.memberReactions(database, place)) {
    const message = { conversation_id: conversationId, id: reaction.message_id };
    const own = [{ name: reaction.name, actor: memberId, create_time: reaction.create_time }];
    yield { kind: "reactions", line: record(toReactionsRecord(message, own)) };
  }
  for (const draft of drafts) {
    yield { kind: "drafts", line: { draft: toJson(DraftSchema, create(DraftSchema, toDraftMessage(draft))) } };
  }
  for (const one of scheduled) {
    const message = create(ScheduledMessageSchema, toScheduled(one));
    yield { kind: "scheduled", line: { scheduledMessage: toJson(ScheduledMessageSchema, message) } };
  }
}

/** Its note, and the tools of the call that asked for it. */
function turnLine(row: store.MemberTurnRow): Line {
  const { id, note, tools } = row;
  const place = { conversationId: row.conversation_id, agentId: row.agent_id, messageId: row.message_id };
  const turn = { id, ...place, createTime: timestampFromDate(row.create_time), noteJson: note ?? "" };
  const brought = { ...(tools !== null && { tools: JSON.parse(tools) as object }) };
  return { kind: "turns", line: { turn: toJson(TurnSchema, create(TurnSchema, turn)), ...brought } };
}

export function fileLine(row: FileRow): Line {
  return { kind: "files", line: { file: toJson(FileSchema, toFile(row)) } };
}

export function auditLine(row: store.AuditRow): Line {
  const entry = toAuditEntry({
    ...{ id: row.id, actor: row.actor, action: row.action, address: row.address, details: row.details },
    ...{ resourceType: row.resource_type, resourceId: row.resource_id, requestId: row.request_id },
    createTime: row.create_time,
  });
  return { kind: "audit", line: { auditEntry: toJson(AuditEntrySchema, entry) } };
}
