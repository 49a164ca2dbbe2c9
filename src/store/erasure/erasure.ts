// Erases a member in one conversation, a piece at a time; src/jobs/erasure.ts decides in which.
import { EventType, type NewEvent } from "../../domain/event-type.ts";
import { ERASED } from "../../domain/identity/actor.ts";
import { type Caller, systemCaller } from "../../domain/identity/caller.ts";
import { appendToLog, lockConversation } from "../conversations/conversations.ts";
import type { Transaction } from "../database.ts";
import { requireFreeSince } from "../legal-holds/legal-holds.ts";
import { touchConversations } from "../log/statements.ts";
import { recountReactions } from "../reactions/statements.ts";
import { eraseEntries } from "./entries.ts";
import * as share from "./share-statements.ts";
import * as sql from "./statements.ts";

/** What was done, by kind, as a job counts it. */
export type Counts = Record<string, number>;

/** Which member is to be erased where. */
export interface Place {
  readonly tenantId: string;
  readonly conversationId: string;
  readonly memberId: string;
}

/**
 * The steps in one conversation, in their order; each is repeated until it finds nothing. Events come late: others add
 * some.
 */
export const STEPS = ["entries", "texts", "words", "mentions", "mention rows", "reactions", "events", "rest"] as const;
export type Step = (typeof STEPS)[number];

export interface Piece {
  readonly counts: Counts;
  /** After which seq the same step goes on; undefined: it found nothing more. */
  readonly next: bigint | undefined;
  /** Turns that reply to the member go on still. */
  readonly open?: boolean;
}

const DONE: Piece = { counts: {}, next: undefined };

/**
 * Does the next piece of a step, of at most `limit` entries. Throws HELD if a legal hold covers the conversation, which
 * is locked first.
 *
 * @param holds what `checkFree` gave for the conversation
 */
export async function erasePieceOf(
  tx: Transaction,
  place: Place,
  step: Step,
  after: bigint,
  limit: number,
  holds: string,
): Promise<Piece> {
  const server = systemCaller(place.tenantId, "server");
  if ((await lockConversation(tx, server, place.conversationId)) === undefined) return DONE;
  await requireFreeSince(tx, place.tenantId, place.conversationId, holds);
  await tx.query(touchConversations, [place.tenantId, [place.conversationId]]);
  switch (step) {
    case "entries":
      return eraseOwnEntries(tx, server, place, after, limit);
    case "mentions":
      return eraseMentions(tx, server, place, after, limit);
    case "events": {
      const [row] = await tx.query(sql.renameEvents, [...valuesOf(place), after, limit]);
      return { counts: { events: Number(row?.count ?? 0n) }, next: row?.last_seq ?? undefined };
    }
    case "reactions":
      return eraseReactions(tx, server, place, after, limit);
    case "texts":
      return replaceTexts(tx, server, place, after, limit);
    case "words":
      return emptyWords(tx, server, place);
    case "mention rows": {
      const [row] = await tx.query(sql.forgetMentions, [...valuesOf(place), after, limit]);
      return { counts: {}, next: row?.last_seq ?? undefined };
    }
    case "rest":
      return leave(tx, server, place);
  }
}

const valuesOf = ({ tenantId, conversationId, memberId }: Place) => [tenantId, conversationId, memberId];

async function eraseOwnEntries(
  tx: Transaction,
  server: Caller,
  place: Place,
  after: bigint,
  limit: number,
): Promise<Piece> {
  const entries = await tx.query(sql.nextEntries, [...valuesOf(place), after, limit, after > 0n]);
  if (entries.length === 0) return DONE;
  const { revisions, reactions } = await eraseEntries(tx, server, place.conversationId, entries, place.memberId);
  return { counts: { messages: entries.length, revisions, reactions }, next: entries.at(-1)?.seq };
}

/** In messages of others. */
async function replaceTexts(
  tx: Transaction,
  server: Caller,
  place: Place,
  after: bigint,
  limit: number,
): Promise<Piece> {
  const rows = await tx.query(share.replaceTexts, [...valuesOf(place), after, limit]);
  await logEdits(
    tx,
    server,
    place,
    rows.filter(({ changed }) => changed),
  );
  return { counts: { edited_messages: rows.length }, next: rows.at(-1)?.seq };
}

/** In a conversation of others. */
async function emptyWords(tx: Transaction, server: Caller, place: Place): Promise<Piece> {
  const [row] = await tx.query(share.emptyWords, valuesOf(place));
  if (row === undefined) return DONE;
  const event: NewEvent = { type: EventType.CONVERSATION_UPDATED, data: { fields: row.fields } };
  await appendToLog(tx, server, place.conversationId, [event], { changesConversation: true });
  return { counts: { conversations_changed: 1 }, next: undefined };
}

async function eraseMentions(
  tx: Transaction,
  server: Caller,
  place: Place,
  after: bigint,
  limit: number,
): Promise<Piece> {
  const rows = await tx.query(sql.removeMentions, [...valuesOf(place), after, limit]);
  if (rows.length === 0) return DONE;
  const changed = rows.toSorted((a, b) => Number(a.seq - b.seq));
  await logEdits(tx, server, place, changed);
  return { counts: { mentions: rows.length }, next: changed.at(-1)?.seq };
}

async function logEdits(
  tx: Transaction,
  server: Caller,
  { conversationId }: Place,
  edited: readonly { readonly message_id: string; readonly seq: bigint; readonly revision: number }[],
): Promise<void> {
  if (edited.length === 0) return;
  const events: NewEvent[] = edited.map(({ message_id, seq, revision }) => ({
    type: EventType.MESSAGE_EDITED,
    data: { message_id, message_seq: Number(seq), revision },
  }));
  await appendToLog(tx, server, conversationId, events, { changesConversation: false });
}

async function eraseReactions(
  tx: Transaction,
  server: Caller,
  place: Place,
  from: bigint,
  limit: number,
): Promise<Piece> {
  const { tenantId, conversationId } = place;
  const reactions = await tx.query(sql.removeReactions, [...valuesOf(place), from, limit]);
  if (reactions.length === 0) return DONE;
  const seqs = [...new Set(reactions.map(({ seq }) => seq))];
  await tx.query(recountReactions, [tenantId, seqs.map(() => conversationId), seqs]);
  const events: NewEvent[] = reactions.map(({ message_id, seq }) => ({
    type: EventType.REACTION_REMOVED,
    data: { message_id, message_seq: Number(seq), reaction: "" },
  }));
  await appendToLog(tx, { ...server, actor: ERASED }, conversationId, events, { changesConversation: false });
  return { counts: { reactions: reactions.length }, next: seqs.at(-1) };
}

async function leave(tx: Transaction, server: Caller, place: Place): Promise<Piece> {
  const [turns] = await tx.query(sql.forgetTurns, valuesOf(place));
  const [row] = await tx.query(sql.leaveConversation, valuesOf(place));
  const left = Number(row?.left ?? 0n);
  const events: NewEvent[] = [];
  if (left > 0) events.push({ type: EventType.PARTICIPANT_REMOVED, data: { member_id: ERASED } });
  if (row?.owned) {
    const fields = ["owner_id", ...share.WORDS];
    events.push({ type: EventType.CONVERSATION_UPDATED, data: { fields } });
  }
  if (events.length > 0) {
    const change = { changesConversation: true, participants: -left };
    await appendToLog(tx, server, place.conversationId, events, change);
  }
  return {
    counts: {
      participations: left,
      turns: Number(turns?.ended ?? 0n),
      unsent_messages: Number(row?.unsent ?? 0n),
      stored_responses: Number(row?.answers ?? 0n),
      conversations_changed: row?.owned ? 1 : 0,
    },
    next: undefined,
    open: (turns?.open ?? 0n) > 0n,
  };
}
