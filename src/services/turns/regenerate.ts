// Regenerate: an agent replies once more to a message that is stored already; the earlier reply stays as another
// branch.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type RegenerateRequest,
  RegenerateRequestSchema,
  type RegenerateResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { BEGINNING } from "../../domain/turns/turn-cursor.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { findAsked } from "../messages/asked-message.ts";
import { requestKeyOf } from "../mutations.ts";
import { beginTurn, type TurnParts } from "./begin-turn.ts";
import { type FollowedParts, followed } from "./follow.ts";
import { broughtTools } from "./task.ts";

export async function* regenerate(
  parts: TurnParts & FollowedParts,
  request: RegenerateRequest,
  context: CallContext,
): AsyncIterable<MessageInitShape<typeof RegenerateResponseSchema>> {
  const caller = callerFrom(context.principal);
  const { conversationId, ifRunning, agent, messageId, streamEntries } = request;
  const key = requestKeyOf(RegenerateRequestSchema, request, context, caller);
  const brought = broughtTools(request.tools);
  const started = await beginTurn(parts, caller, {
    conversationId,
    ifRunning,
    brought,
    key,
    agent,
    async find(tx, conversation) {
      const { message, goOn } = await findAsked(tx, caller, conversation, messageId);
      return {
        async ask() {
          await goOn();
          return { messages: [message], isNew: false, isList: false };
        },
      };
    },
  });
  yield { event: { case: "started", value: started } };
  const from = streamEntries ? { cursor: BEGINNING } : { offset: 0 };
  const id = started.turn?.id ?? "";
  for await (const event of followed(parts, context, { id, from, hasStarted: true })) yield { event };
}
