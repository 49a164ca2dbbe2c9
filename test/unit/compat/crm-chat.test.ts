// What the CRM dialect makes of how a turn ends.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  ChatRequestSchema,
  StreamChatRequestSchema,
} from "../../../gen/colloquy/compat/crm/v1/conversation_service_pb.ts";
import { type Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { ChatResponseSchema } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnEndedSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { Canonical } from "../../../src/compat/canonical.ts";
import { createChatHandlers } from "../../../src/compat/crm/chat.ts";
import { ErrorReason } from "../../../src/domain/errors.ts";
import type { CallContext } from "../../../src/rpc/call.ts";

const context = {} as CallContext;
const asked = { conversationId: "c", message: "hi" };
const request = create(ChatRequestSchema, asked);

/** Services in which a turn has ended without showing a reply, and where `stored` is what one finds by its id. */
function canonicalWith(replyId: string, stored: Message): Canonical {
  const answers: Record<string, object> = { listMessages: { messages: [] }, getMessage: { message: stored } };
  return {
    call: async (_: unknown, method: { localName: string }) => answers[method.localName],
    async *stream() {
      const value = create(TurnEndedSchema, { turn: { id: "t", conversationId: "c", replyId } });
      yield create(ChatResponseSchema, { event: { case: "ended", value } });
    },
  } as unknown as Canonical;
}

const deleted = create(MessageSchema, { id: "r", conversationId: "c", content: "Hello", deleteTime: { seconds: 1n } });

test("a reply that somebody deleted at once is given as deleted: the agent has not failed", async () => {
  const handlers = createChatHandlers(canonicalWith("r", deleted));
  const answer = await handlers.chat(request, context);
  expect(answer).toMatchObject({ conversationId: "c", messages: [], reply: { id: "r", deletedAt: { seconds: 1n } } });
  const events = [];
  for await (const { event } of handlers.streamChat(create(StreamChatRequestSchema, asked), context))
    events.push(event);
  expect(events).toMatchObject([
    { case: "message", value: { id: "r" } },
    { case: "done", value: { turnId: "t" } },
  ]);
});

test("a turn without a word has failed", async () => {
  const handlers = createChatHandlers(canonicalWith("", deleted));
  await expect(handlers.chat(request, context)).rejects.toMatchObject({ reason: ErrorReason.AGENT_FAILED });
});
