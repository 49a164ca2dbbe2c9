// A message that is sent once more, by its client id: its turn goes on, or begins now.
import { create } from "@bufbuild/protobuf";
import { type TurnStarted, TurnStartedSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import { notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { clientIdTaken } from "../../domain/messages/client-ids.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { Queryable } from "../../store/database.ts";
import { findSent } from "../../store/messages/client-ids.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { findTurnOf } from "../../store/turns/turns.ts";
import { toMessage } from "../convert.ts";
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
