// Where a turn that is kept as a record goes: in a conversation that exists, after another turn, or in one of its own.
import { create } from "@bufbuild/protobuf";
import { ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { CreateTurnRequest } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { turnInProgress } from "../../domain/turns/in-progress.ts";
import { isOpen, leavesNothing } from "../../domain/turns/turn.ts";
import { inherit } from "../../store/branches/forks.ts";
import type { LockedRow } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { isUnlisted, markUnlisted, readTurn } from "../../store/turns/records.ts";
import { followTurn, openTurns, type TurnRow } from "../../store/turns/turns.ts";
import { lockVisible, requireOpen, requireWrite } from "../conversations/access.ts";
import { createConversation } from "../conversations/create.ts";
import { type EntriesPlace, NONE_KNOWN, placeAfter } from "./known-entries.ts";

export interface NewTurnPlace {
  /**
   * The conversation that is locked: the one it goes to, or that of the turn before it. Undefined: a new one is made.
   */
  readonly locked: string | undefined;
  readonly previous: TurnRow | undefined;
}

/** Throws UNKNOWN_REFERENCE for a previous turn that the caller does not see. */
export async function findPlace(
  on: Queryable,
  caller: Caller,
  { conversationId, previousTurnId }: CreateTurnRequest,
): Promise<NewTurnPlace> {
  if (previousTurnId === "") return { locked: conversationId || undefined, previous: undefined };
  if (conversationId !== "") {
    throw invalidField("previous_turn_id", "must be empty where conversation_id is given", "turn.place");
  }
  const id = previousTurnId.toLowerCase();
  const previous = isOurId(id) ? await followTurn(on, caller, id, 0) : undefined;
  if (previous === undefined) throw unknownTurn("is not a turn");
  return { locked: previous.conversation_id, previous };
}

/** The locked conversation of a new turn. */
export interface SettledPlace extends EntriesPlace {
  readonly conversationId: string;
}

const IN_NEW: EntriesPlace = { parentId: "", known: NONE_KNOWN };

/**
 * Locks the conversation of a new turn, or makes it. Throws TURN_IN_PROGRESS while another turn is open there,
 * ALREADY_EXISTS if another entry has the client id of one of `drafts`, or if the entry that has it is on another branch.
 */
export async function settlePlace(
  tx: Queryable,
  caller: Caller,
  { locked, previous: found }: NewTurnPlace,
  drafts: readonly MessageDraft[],
  rolePolicy: RolePolicy,
): Promise<SettledPlace> {
  if (locked === undefined) {
    return { conversationId: await makeConversation(tx, caller, rolePolicy), ...IN_NEW };
  }
  const row = await lockVisible(tx, caller, locked);
  const [open] = await openTurns(tx, caller.tenantId, row.id);
  if (found === undefined) {
    requireWrite(caller, row);
    requireOpen(row.status);
    if (open !== undefined) throw turnInProgress(open);
    return { conversationId: row.id, ...(await placeAfter(tx, caller, row, drafts)) };
  }
  const previous = await readTurn(tx, caller.tenantId, found.id);
  if (previous === undefined) throw unknownTurn("is not a turn");
  if (isOpen(previous.state)) throw unknownTurn("has not ended");
  const { discards, state, finish_reason: finish } = previous;
  if (leavesNothing(discards, state, finish)) throw unknownTurn("has failed");
  const tip = previous.last_seq ?? previous.message_seq;
  if (open === undefined && (await isUnlisted(tx, caller.tenantId, row.id))) {
    requireWrite(caller, row);
    requireOpen(row.status);
    return { conversationId: row.id, ...(await placeAfter(tx, caller, row, drafts, tip)) };
  }
  const fork = await makeConversation(tx, caller, rolePolicy, { row, seq: tip });
  return { conversationId: fork, ...IN_NEW };
}

/** @param origin where it goes on from */
function makeConversation(
  tx: Queryable,
  caller: Caller,
  rolePolicy: RolePolicy,
  origin?: { readonly row: LockedRow; readonly seq: bigint },
): Promise<string> {
  const { tenantId } = caller;
  const wanted = { conversation: create(ConversationSchema), participantIds: [], messages: [] };
  return createConversation(tx, caller, wanted, rolePolicy, {
    // It has no client id.
    hash: async () => new Uint8Array(),
    async begin(id) {
      await markUnlisted(tx, tenantId, id);
      if (origin === undefined) return;
      const { id: originId, segmented, last_seq: lastSeq } = origin.row;
      await inherit(tx, id, { origin: { tenantId, id: originId, segmented }, seq: origin.seq, lastSeq });
    },
  });
}

function unknownTurn(description: string): DomainError {
  const field = "previous_turn_id";
  return new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${field}: ${description}`, {
    violations: [{ field, description, rule: "reference" }],
  });
}
