// POST /api/chat: which of five things the last message means, and the turn that follows from it.

import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { withAgent } from "../shared/agents.ts";
import { findConversation } from "../shared/conversations.ts";
import { orMakeWay } from "../shared/make-way.ts";
import { continueReply } from "./continue-reply.ts";
import { replyToKnown } from "./known.ts";
import { findMessage, refuseIdOfReply } from "./known-messages.ts";
import { type Draft, draftOf, makeChat, storeUnknown } from "./messages.ts";
import type { PostParts, Reply } from "./reply.ts";
import { clientTools, type PostedChat, type UiMessage } from "./request.ts";

export async function replyTo(parts: PostParts): Promise<Reply> {
  const { canonical, context, posted, agent } = parts;
  const at = placeOfLast(posted);
  const last = posted.message(at);
  if (last.role === "system")
    throw invalidField(`${posted.place(at)}.role`, "must be user or assistant in the last message", "role");
  const found = await findConversation(canonical, context, posted.id);
  if (last.role === "assistant") {
    if (found === undefined) throw new DomainError(ErrorReason.NOT_FOUND, "there is no such chat");
    return continueReply(parts, found.id, last);
  }
  // What there is no room for makes no chat.
  const draft = found === undefined ? await draftOf(parts, last) : undefined;
  const { id } = await (found === undefined ? makeChat(parts) : withAgent(canonical, context, found, agent));
  const changes = posted.regenerates || posted.messageId === last.id;
  // A client's own id is looked up when it is stored.
  if (found !== undefined && (changes || isOurId(last.id))) {
    const known = await findMessage(canonical, context, id, last.id);
    if (known !== undefined) return replyToKnown(parts, id, known, last);
    await refuseIdOfReply(canonical, context, id, last.id, posted.place(at));
  }
  if (found !== undefined) await storeUnknown(parts, id);
  return say(parts, id, last, draft ?? (await draftOf(parts, last)));
}

/** So many messages of a client's own may follow a user's at most. */
const MAX_SHOWN = 100;

/** A reply that is made once more is one to a user, whatever the client has shown after that. */
function placeOfLast({ count, regenerates, message }: PostedChat): number {
  if (!regenerates) return count - 1;
  let at = count - 1;
  while (at > 0 && at > count - MAX_SHOWN && message(at).role !== "user") at--;
  return message(at).role === "user" ? at : count - 1;
}

/** Stores the message and has the agent reply. One that is stored is followed, also if it was sent with other words. */
async function say(parts: PostParts, conversationId: string, last: UiMessage, draft: Draft): Promise<Reply> {
  const { canonical, context, posted, ifRunning } = parts;
  const request = {
    conversationId,
    message: draft,
    ifRunning,
    tools: clientTools(posted),
    streamEntries: true,
  };
  const begin = () => canonical.stream(context, TurnService.method.chat, request);
  const events = orMakeWay({ canonical, context, conversationId, ifRunning }, begin);
  try {
    return { events: resumed(await events.next(), events) };
  } catch (error) {
    if (!(error instanceof DomainError) || error.reason !== ErrorReason.ALREADY_EXISTS) throw error;
    const known = await findMessage(canonical, context, conversationId, last.id);
    if (known === undefined) throw error;
    return replyToKnown(parts, conversationId, known, last);
  }
}

async function* resumed<T>(first: IteratorResult<T>, rest: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    for (let next = first; !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return(undefined);
  }
}
