// Chat: stores a message, then an agent replies, whether or not a client is connected.
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { BEGINNING } from "../../domain/turns/turn-cursor.ts";
import { checkOptions, optionsText } from "../../domain/turns/turn-options.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { writeState } from "../../store/conversations/state.ts";
import { requireParent } from "../messages/branches.ts";
import { requestKeyOf } from "../mutations.ts";
import { beginTurn, type TurnParts } from "./begin-turn.ts";
import { type FollowedParts, followed } from "./follow.ts";
import { addMessages, findSent, requireAsked } from "./sent-messages.ts";
import { broughtTools } from "./task.ts";

export interface ChatParts extends TurnParts, FollowedParts {
  readonly rolePolicy: RolePolicy;
}

export async function* chat(
  parts: ChatParts,
  request: ChatRequest,
  context: CallContext,
): AsyncIterable<MessageInitShape<typeof ChatResponseSchema>> {
  const caller = callerFrom(context.principal);
  const { conversationId, ifRunning, streamEntries } = request;
  const asked = requireAsked(request);
  const key = requestKeyOf(ChatRequestSchema, request, context, caller);
  const brought = broughtTools(request.tools);
  if (request.options) checkOptions(request.options);
  parts.rolePolicy.checkOptions(caller, request.options);
  parts.rolePolicy.check(caller, asked.drafts, asked.field);
  const started = await beginTurn(parts, caller, {
    conversationId,
    ifRunning,
    brought,
    key,
    agent: "",
    options: request.options ? optionsText(request.options) : null,
    async find(tx, conversation) {
      const sent = await findSent(tx, caller, conversation.id, asked);
      if (sent.started) return { started: sent.started };
      if (sent.messages !== undefined) {
        const { messages } = sent;
        return { ask: async () => ({ messages, isNew: false, isList: asked.isList }) };
      }
      const { parentId } = sent;
      if (parentId !== "") await requireParent(tx, caller, conversation, parentId, `${asked.field(0)}.parent_id`);
      return {
        async ask() {
          const messages = await addMessages(tx, caller, conversation, asked, sent);
          const place = { tenantId: caller.tenantId, conversationId: conversation.id };
          if (request.stateJson !== undefined) await writeState(tx, place, request.stateJson);
          return { messages, isNew: true, isList: asked.isList };
        },
      };
    },
  });
  yield { event: { case: "started", value: started } };
  const from = streamEntries ? { cursor: BEGINNING } : { offset: 0 };
  const id = started.turn?.id ?? "";
  for await (const event of followed(parts, context, { id, from, hasStarted: true })) yield { event };
}
