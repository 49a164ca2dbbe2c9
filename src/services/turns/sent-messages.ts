// The messages with which a turn begins: added, or found by their client ids; then the turn of the last goes on, or
// begins now.
import { create } from "@bufbuild/protobuf";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { type TurnStarted, TurnStartedSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { ChatRequest } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { invalidField, notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { checkClientIds, clientIdTaken } from "../../domain/messages/client-ids.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { LockedRow } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import * as store from "../../store/messages/client-ids.ts";
import { type MessageRow, readLockedMessage } from "../../store/messages/messages.ts";
import { findTurnOf } from "../../store/turns/turns.ts";
import { toDraft, toMessage } from "../convert.ts";
import { checkParents, followParent } from "../messages/branches.ts";
import { appendNaming } from "../messages/references.ts";
import { requireResponseFits } from "../messages/send.ts";
import { toTurn } from "./convert.ts";

/** What a call of Chat brings: one message, or a list of them. */
export interface AskedMessages {
  readonly messages: readonly Message[];
  readonly drafts: readonly MessageDraft[];
  readonly isList: boolean;
  /** Names a message in errors. */
  readonly field: (index: number) => string;
}

/** Throws INVALID_FIELD unless a call brings either a message or a list of them that can be stored together. */
export function requireAsked({ message, messages: list }: ChatRequest): AskedMessages {
  const isList = list.length > 0;
  if (isList && message !== undefined) {
    throw invalidField("messages", "must be empty where message is given", "chat.one_of");
  }
  if (!isList && message === undefined) {
    throw invalidField("message", "must be set, unless messages are given", "required");
  }
  const messages = message === undefined ? list : [message];
  if (isList) requireResponseFits(messages);
  checkClientIds(messages);
  checkParents(messages);
  const field = (index: number) => (isList ? `messages[${index}]` : "message");
  return { messages, drafts: messages.map(toDraft), isList, field };
}

/** What is there of the messages of a call. */
export interface SentMessages {
  /** The turn that replies to the last one. */
  readonly started: TurnStarted | undefined;
  /** All of them, as they are stored. Undefined: the last one is not stored yet. */
  readonly messages: readonly MessageRow[] | undefined;
  /** Those that are stored, by client id. */
  readonly known: ReadonlyMap<string, MessageRow>;
  /** The parent of what is to be added. Empty: the end of the live branch. */
  readonly parentId: string;
}

/**
 * Looks up messages by their client ids. Throws ALREADY_EXISTS if another message has one of them, INVALID_FIELD if the
 * last message is stored and one before it is not.
 */
export async function findSent(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  { drafts, messages, isList, field }: AskedMessages,
): Promise<SentMessages> {
  const known = new Map<string, MessageRow>();
  for (const [index, draft] of drafts.entries()) {
    const stored = await store.findSent(tx, caller, conversationId, draft);
    if (stored?.same === false) throw clientIdTaken(`${field(index)}.client_id`);
    if (stored !== undefined) known.set(draft.clientId ?? "", stored);
  }
  const isKnown = ({ clientId }: MessageDraft) => clientId !== undefined && known.has(clientId);
  const last = known.get(drafts.at(-1)?.clientId ?? "");
  if (last === undefined) {
    const parentId = drafts[0] !== undefined && !isKnown(drafts[0]) ? (messages[0]?.parentId ?? "") : "";
    return { started: undefined, messages: undefined, known, parentId };
  }
  const missing = drafts.findIndex((draft) => !isKnown(draft));
  if (missing !== -1) {
    const rule = "must be that of a stored message, as the last one's is";
    throw invalidField(`${field(missing)}.client_id`, rule, "client_id.stored");
  }
  const rows = drafts.flatMap(({ clientId = "" }) => known.get(clientId) ?? []);
  const turn = await findTurnOf(tx, caller.tenantId, conversationId, last.seq);
  if (turn === undefined && last.delete_time !== null) throw notFound("message");
  const all = isList ? rows.map(toMessage) : [];
  const started = turn && create(TurnStartedSchema, { turn: toTurn(turn), message: toMessage(last), messages: all });
  return { started, messages: rows, known, parentId: "" };
}

/**
 * Adds the messages that are not there to a locked conversation, after their parent if they have one. Returns all, in
 * order.
 */
export async function addMessages(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  { drafts, messages, field }: AskedMessages,
  { known, parentId }: SentMessages,
): Promise<MessageRow[]> {
  if (parentId !== "") await followParent(tx, caller, row, parentId, `${field(0)}.parent_id`);
  const added = drafts.flatMap((draft, index) =>
    known.has(draft.clientId ?? "") ? [] : [{ draft, naming: messages[index] as Message, field: field(index) }],
  );
  const last = await appendNaming(tx, caller, row, added, parentId);
  let next = (last ?? 0n) - BigInt(added.length) + 1n;
  const rows: MessageRow[] = [];
  for (const { clientId = "" } of drafts) {
    const stored = known.get(clientId) ?? (await readLockedMessage(tx, caller, row.id, next++));
    if (stored === undefined) throw new Error("a message that was just added is not there");
    rows.push(stored);
  }
  return rows;
}
