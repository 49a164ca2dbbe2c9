// ResumeTurn and CancelTurn: a turn is followed from anywhere in it, and ended.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type CancelTurnRequest,
  CancelTurnRequestSchema,
  type CancelTurnResponseSchema,
  type ResumeTurnRequest,
  type ResumeTurnResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { FollowOptions } from "../../agents/turns/turn-follow.ts";
import type { ReadFrom } from "../../agents/turns/turn-reader.ts";
import type { Turns } from "../../agents/turns/turns.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { MAX_TURN_BYTES, TurnState } from "../../domain/turns/turn.ts";
import { BEGINNING, readCursor } from "../../domain/turns/turn-cursor.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import { claim } from "../../store/idempotency/idempotency.ts";
import { followTurn } from "../../store/turns/turns.ts";
import { lockVisible, requireWrite } from "../conversations/access.ts";
import { requestKeyOf } from "../mutations.ts";
import { type TurnEvent, toTurn, toTurnEvent } from "./convert.ts";

export interface FollowedParts {
  readonly turns: Turns;
  /** Says again who calls, or throws as authentication does. */
  readonly renew: (context: CallContext) => Promise<Principal> | Principal;
}

export async function* resumeTurn(
  parts: FollowedParts,
  request: ResumeTurnRequest,
  context: CallContext,
): AsyncIterable<MessageInitShape<typeof ResumeTurnResponseSchema>> {
  if (!isOurId(request.turnId)) throw notFound("turn");
  const id = request.turnId.toLowerCase();
  const from = placeOf(request);
  for await (const event of followed(parts, context, { id, from, found: () => context.flushHeaders() }))
    yield { event };
}

/** From where a turn is followed. */
function placeOf({ cursor, offset, streamEntries, asRecorded }: ResumeTurnRequest): ReadFrom {
  if (asRecorded) {
    if (cursor !== "" || offset > 0n) throw invalidField("cursor", "must be empty with as_recorded", "turn.cursor");
    return { cursor: BEGINNING, asRecorded };
  }
  const place = cursor.startsWith("e") ? readCursor(cursor) : undefined;
  if (place !== undefined) return { cursor: place };
  if (cursor.startsWith("e") || (streamEntries && (offset > 0n || Number(cursor) > 0))) {
    throw invalidField("cursor", "must be that of an event of an entry", "turn.cursor");
  }
  if (streamEntries) return { cursor: BEGINNING };
  return { offset: Math.min(cursor === "" ? Number(offset) : Number(cursor), MAX_TURN_BYTES) };
}

export async function cancelTurn(
  { database, turns }: { readonly database: Database; readonly turns: Turns },
  request: CancelTurnRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof CancelTurnResponseSchema>> {
  const caller = callerFrom(context.principal);
  const key = requestKeyOf(CancelTurnRequestSchema, request, context, caller);
  const id = request.turnId.toLowerCase();
  const row = isOurId(id) ? await followTurn(database, caller, id, 0) : undefined;
  if (row === undefined) throw notFound("turn");
  const conversationId = row.conversation_id;
  await database.transaction(
    undefined,
    async (tx) => {
      // No response is stored: the turn stays as it ended, so a retry finds the same.
      if (key) await claim(tx, key);
      requireWrite(caller, await lockVisible(tx, caller, conversationId));
    },
    { conversation: { tenantId: caller.tenantId, id: conversationId } },
  );
  await turns.cancel({ tenantId: caller.tenantId, conversationId, id });
  const ended = await followTurn(database, caller, id, 0);
  if (ended === undefined) throw notFound("turn");
  return { turn: toTurn(ended) };
}

/** A turn's events to its end. A failed turn's last event is followed by the error. */
export async function* followed(
  { turns, renew }: FollowedParts,
  context: CallContext,
  place: Omit<FollowOptions, "caller" | "renew" | "signal">,
): AsyncIterable<TurnEvent> {
  const { principal, signal } = context;
  const { id } = place;
  const caller = callerFrom(principal);
  const options = { ...place, caller, renew: async () => callerFrom(await renew(context)), signal };
  for await (const step of turns.follow(options)) {
    yield toTurnEvent(step);
    if (step.kind === "ended" && step.turn.state === TurnState.FAILED) {
      throw new DomainError(ErrorReason.AGENT_FAILED, step.turn.failure, { metadata: { turn_id: id } });
    }
  }
}
