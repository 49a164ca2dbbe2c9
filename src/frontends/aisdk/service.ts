// The calls of AI SDK's clients: post to a chat, resume and stop its reply, and read its messages.
import { ChatService } from "../../../gen/colloquy/frontend/aisdk/v1/chat_service_pb.ts";
import { TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { ShownFiles } from "../../dialects/shared/files/show.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { DEFAULT_AGENT } from "../shared/agents.ts";
import { findConversation } from "../shared/conversations.ts";
import type { Piece } from "../shared/events.ts";
import { hasLeft } from "../shared/failures.ts";
import { cancelTurns, openTurns } from "../shared/open-turns.ts";
import { cancelForGone, readAbort, readIfRunning } from "../shared/turn-choices.ts";
import { ChatHistory } from "./history.ts";
import { replyTo } from "./post.ts";
import { readPosted } from "./request.ts";
import { sendTurn } from "./stream/send.ts";

export function createChatService(canonical: Canonical, tls: boolean): ServiceEntry {
  return serve(ChatService, {
    async *post({ body, agent, ifRunning, abort, version }, context): AsyncIterable<Piece> {
      const plain = isPlain(version);
      const cancels = readAbort(abort);
      const policy = readIfRunning(ifRunning);
      const posted = await readPosted(body?.data ?? new Uint8Array());
      const chosen = agent || posted.agent || DEFAULT_AGENT;
      const parts = { canonical, context, posted, ifRunning: policy, agent: chosen, tls };
      const { events, ...reply } = await replyTo(parts);
      let turnId = reply.turnId ?? "";
      let isOver = false;
      const began = (id: string) => {
        turnId = id;
      };
      try {
        const files = new ShownFiles(parts);
        yield* sendTurn(context, events, { ...reply, plain, began, files });
        isOver = true;
      } finally {
        if (cancels && !isOver && turnId !== "" && hasLeft(context)) await cancelForGone(canonical, context, turnId);
      }
    },

    async *resumeStream({ id, version }, context): AsyncIterable<Piece> {
      const plain = isPlain(version);
      const conversation = await findConversation(canonical, context, id);
      const open = conversation === undefined ? [] : await openTurns(canonical, context, conversation.id);
      const turn = open.find(({ state }) => state !== TurnState.INPUT_REQUIRED);
      if (turn === undefined) {
        context.setStatus(204);
        yield NOTHING;
        return;
      }
      const request = { turnId: turn.id, streamEntries: true };
      const events = canonical.stream(context, TurnService.method.resumeTurn, request);
      const files = new ShownFiles({ canonical, context, tls });
      yield* sendTurn(context, events, { turnId: turn.id, plain, files });
    },

    async stop({ id }, context) {
      const conversation = await findConversation(canonical, context, id);
      if (conversation !== undefined) {
        await cancelTurns(canonical, context, await openTurns(canonical, context, conversation.id));
      }
      return { success: true };
    },

    async *listMessages({ id }, context): AsyncIterable<Piece> {
      const conversation = await findConversation(canonical, context, id);
      if (conversation === undefined) throw new DomainError(ErrorReason.NOT_FOUND, "there is no such chat");
      context.setHeader("cache-control", "no-store");
      const pages = new ChatHistory({ canonical, context, tls }, conversation.id);
      for await (const data of pages) yield { body: { contentType: "application/json", data } };
    },
  });
}

const NOTHING: Piece = { body: { contentType: "", data: new Uint8Array() } };

/** Whether the stream goes without what only clients of the version 7 know. Throws INVALID_FIELD. */
function isPlain(version: string): boolean {
  if (!["", "6", "7"].includes(version)) throw invalidField("version", "must be 6 or 7", "version");
  return version === "6";
}
