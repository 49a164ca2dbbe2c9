// What the CRM dialect makes of how a turn ends.
import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import {
  ChatRequestSchema,
  StreamChatRequestSchema,
} from "../../../gen/colloquy/compat/crm/v1/conversation_service_pb.ts";
import { type Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { TurnEndedSchema, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { ChatResponseSchema } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { createChatHandlers } from "../../../src/dialects/crm/chat.ts";
import { DomainError, ErrorReason } from "../../../src/domain/errors.ts";
import type { CallContext } from "../../../src/pipeline/call/call.ts";
import type { Canonical } from "../../../src/services/in-process/in-process.ts";

const context = { principal: { kind: "member", tenantId: "t", memberId: "m", role: "member" } } as CallContext;
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

test("a turn that fails after some words is never called done", async () => {
  const failure = new DomainError(ErrorReason.AGENT_FAILED, "the agent broke off");
  const turn = { id: "t", conversationId: "c", replyId: "r", state: TurnState.FAILED };
  const canonical = {
    call: async () => ({ message: deleted }),
    async *stream() {
      yield create(ChatResponseSchema, { event: { case: "delta", value: { text: "Hel", offset: 0n } } });
      yield create(ChatResponseSchema, {
        event: { case: "ended", value: { turn, reply: { id: "r", content: "Hel" } } },
      });
      throw failure;
    },
  } as unknown as Canonical;
  const events: (string | undefined)[] = [];
  const listen = async () => {
    const answers = createChatHandlers(canonical).streamChat(create(StreamChatRequestSchema, asked), context);
    for await (const { event } of answers) events.push(event?.case);
  };
  await expect(listen()).rejects.toBe(failure);
  expect(events).toEqual(["delta"]);
});
