// Chat: stores a message, then an agent replies, whether or not a client is connected.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import {
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { BEGINNING } from "../../domain/turns/turn-cursor.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { toDraft } from "../convert.ts";
import { requireParent } from "../messages/branches.ts";
import { requestKeyOf } from "../mutations.ts";
import { beginTurn, type TurnParts } from "./begin-turn.ts";
import { followed } from "./follow.ts";
import { addMessage, findSentMessage } from "./sent-message.ts";
import { broughtTools } from "./task.ts";

export interface ChatParts extends TurnParts {
  readonly rolePolicy: RolePolicy;
}

export async function* chat(
  parts: ChatParts,
  request: ChatRequest,
  context: CallContext,
): AsyncIterable<MessageInitShape<typeof ChatResponseSchema>> {
  const caller = callerFrom(context.principal);
  const { conversationId, ifRunning, streamEntries, message = create(MessageSchema) } = request;
  const draft = toDraft(message);
  const key = requestKeyOf(ChatRequestSchema, request, context, caller);
  const brought = broughtTools(request.tools);
  parts.rolePolicy.check(caller, [draft], () => "message.role");
  const started = await beginTurn(parts, caller, {
    conversationId,
    ifRunning,
    brought,
    key,
    agent: "",
    async find(tx, conversation) {
      const sent = await findSentMessage(tx, caller, conversation.id, draft);
      if (sent?.started) return { started: sent.started };
      if (sent) return { ask: async () => ({ message: sent.message, isNew: false }) };
      const { parentId } = message;
      if (parentId !== "") await requireParent(tx, caller, conversation, parentId, "message.parent_id");
      return {
        ask: async () => ({ message: await addMessage(tx, caller, conversation, draft, message), isNew: true }),
      };
    },
  });
  yield { event: { case: "started", value: started } };
  const from = streamEntries ? { cursor: BEGINNING } : { offset: 0 };
  const id = started.turn?.id ?? "";
  for await (const event of followed(parts.turns, { caller, id, from, signal: context.signal })) yield { event };
}
