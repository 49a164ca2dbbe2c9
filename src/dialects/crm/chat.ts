// The turns of agents: as one response, and as a stream of events.

import {
  type ConversationService,
  StreamChatResponseSchema,
} from "../../../gen/colloquy/compat/crm/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService as Messages } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { type TurnEnded, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { mayOnlyWrite } from "../../domain/identity/principal.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Handlers } from "../../pipeline/service.ts";
import { heartbeatOf } from "../../pipeline/streams/heartbeat.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { toMessage } from "./convert.ts";

/** How much of a conversation the response to a message holds. */
const HISTORY = 100;

export function createChatHandlers(
  canonical: Canonical,
): Pick<Handlers<typeof ConversationService>, "chat" | "streamChat"> {
  function chat(context: CallContext, conversationId: string, content: string) {
    return canonical.stream(context, TurnService.method.chat, { conversationId, message: { content } });
  }

  /** The latest messages up to one of them, oldest first. */
  async function historyUpTo(context: CallContext, { conversationId, seq }: Message): Promise<Message[]> {
    const { messages } = await canonical.call(context, Messages.method.listMessages, {
      conversationId,
      beforeSeq: seq + 1n,
      order: MessageOrder.NEWEST_FIRST,
      pageSize: HISTORY,
    });
    return messages.reverse();
  }

  /** Undefined: not a word came. A reply that was deleted as soon as it was there is given as such. */
  async function replyOf(context: CallContext, { reply, turn }: TurnEnded): Promise<Message | undefined> {
    const messageId = turn?.replyId ?? "";
    if (reply !== undefined || messageId === "") return reply;
    const request = { messageId, deleted: DeletedFilter.INCLUDE };
    return (await canonical.call(context, Messages.method.getMessage, request)).message;
  }

  return {
    async chat({ conversationId, message }, context) {
      let own: Message | undefined;
      let reply: Message | undefined;
      for await (const { event } of chat(context, conversationId, message)) {
        if (event.case === "started") own = event.value.message;
        if (event.case !== "ended") continue;
        reply = await replyOf(context, event.value);
        // The conversation was closed, or the message deleted, while the agent replied.
        const { state, failure = "" } = event.value.turn ?? {};
        if (state === TurnState.CANCELLED && failure !== "") throw new DomainError(ErrorReason.CONFLICT, failure);
      }
      if (reply === undefined) throw silence();
      // To a key that may not read, what was said before stays untold.
      const turn = own === undefined ? [reply] : [own, reply];
      const history = mayOnlyWrite(context.principal) ? turn : await historyUpTo(context, reply);
      return { conversationId: reply.conversationId, messages: history.map(toMessage), reply: toMessage(reply) };
    },

    async *streamChat({ conversationId, message }, context) {
      for await (const { event } of chat(context, conversationId, message)) {
        if (event.case === "started") {
          // From here on a failure is an event, whether a word came before it or not.
          context.flushHeaders();
        } else if (event.case === "delta") {
          const { text, offset } = event.value;
          yield { event: { case: "delta", value: { text, offset: Number(offset) } } };
        } else if (event.case === "ended") {
          const { turn } = event.value;
          // Its error follows, and ends the stream instead.
          if (turn?.state === TurnState.FAILED) continue;
          const reply = await replyOf(context, event.value);
          if (reply) yield { event: { case: "message", value: toMessage(reply) } };
          const done = { conversationId: turn?.conversationId ?? conversationId, turnId: turn?.id ?? "" };
          yield { event: { case: "done", value: done } };
        } else yield heartbeatOf(StreamChatResponseSchema);
      }
    },
  };
}

/** A turn that was cancelled before its first word. */
function silence(): DomainError {
  return new DomainError(ErrorReason.AGENT_FAILED, "the agent's turn ended without a word");
}
