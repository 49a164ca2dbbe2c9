// The message that a turn replies to: added, or found by its client id; then its turn goes on, or begins now.
import { create } from "@bufbuild/protobuf";
import { type TurnStarted, TurnStartedSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import { notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { clientIdTaken } from "../../domain/messages/client-ids.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { LockedRow } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { findSent } from "../../store/messages/client-ids.ts";
import { type MessageRow, readLockedMessage } from "../../store/messages/messages.ts";
import { findTurnOf } from "../../store/turns/turns.ts";
import { toMessage } from "../convert.ts";
import { followParent } from "../messages/branches.ts";
import { appendNaming, type Naming } from "../messages/references.ts";
import { toTurn } from "./convert.ts";

/**
 * The stored message with the draft's client id, and its turn if there is one. Undefined: there is no such message. Throws
 * ALREADY_EXISTS if another has the client id.
 */
export async function findSentMessage(
  tx: Queryable,
  caller: Caller,
  conversationId: string,
  draft: MessageDraft,
): Promise<{ readonly message: MessageRow; readonly started: TurnStarted | undefined } | undefined> {
  const message = await findSent(tx, caller, conversationId, draft);
  if (message === undefined) return undefined;
  if (!message.same) throw clientIdTaken("message.client_id");
  const turn = await findTurnOf(tx, caller.tenantId, conversationId, message.seq);
  const started = turn && create(TurnStartedSchema, { turn: toTurn(turn), message: toMessage(message) });
  if (started === undefined && message.delete_time !== null) throw notFound("message");
  return { message, started };
}

/** Adds the message to a locked conversation, after its parent if it has one. */
export async function addMessage(
  tx: Queryable,
  caller: Caller,
  row: LockedRow,
  draft: MessageDraft,
  naming: Naming,
): Promise<MessageRow> {
  const { id } = row;
  const { parentId } = naming;
  if (parentId !== "") await followParent(tx, caller, row, parentId, "message.parent_id");
  const seq = await appendNaming(tx, caller, row, [{ draft, naming, field: "message" }], parentId);
  const message = seq === undefined ? undefined : await readLockedMessage(tx, caller, id, seq);
  if (message === undefined) throw new Error("a message that was just added is not there");
  return message;
}
