// A posted message that is stored already: it is followed, replied to once more, or edited.
import { isDeepStrictEqual } from "node:util";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { type Message, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { type Turn, TurnPolicy } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { ShownFiles } from "../../dialects/shared/files/show.ts";
import { invalidField } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { makeWay, orMakeWay } from "../shared/make-way.ts";
import { latestTurns } from "../shared/open-turns.ts";
import { liveReply } from "./known-messages.ts";
import { draftOf, toUiMessage } from "./messages.ts";
import type { PostParts, Reply } from "./reply.ts";
import { clientTools, type UiMessage } from "./request.ts";

export async function replyToKnown(
  parts: PostParts,
  conversationId: string,
  known: Message,
  last: UiMessage,
): Promise<Reply> {
  const { canonical, context, posted, tls } = parts;
  if (known.role !== MessageRole.USER)
    throw invalidField("messages", "must end with a message of a user, or a reply", "role");
  const turns = await latestTurns(canonical, context, conversationId);
  const newest = turns.find(({ messageId }) => messageId === known.id);
  if (posted.regenerates) {
    const isRepeat = newest !== undefined && (await wasLeft(parts, conversationId, known, newest));
    return isRepeat ? follow(parts, newest) : regenerate(parts, conversationId, known);
  }
  if (posted.messageId === last.id) {
    const held = toUiMessage(await new ShownFiles({ canonical, context, tls }).message(known));
    if (!isDeepStrictEqual(held.parts, last.parts) || !sameMetadata(known, last)) {
      await edit(parts, conversationId, known, last);
      return regenerate(parts, conversationId, known);
    }
    // The same request again: the edit is done. A reply from before it is none to what the message says now.
    if (newest !== undefined && isBefore(newest.createTime, known.editTime))
      return regenerate(parts, conversationId, known);
  }
  return newest ? follow(parts, newest) : regenerate(parts, conversationId, known);
}

/**
 * Whether the reply that is to be made anew was left for another one already: then it is the same request again, unless
 * its branch was selected since.
 */
async function wasLeft(
  { canonical, context, posted }: PostParts,
  conversationId: string,
  known: Message,
  newest: Turn,
): Promise<boolean> {
  const { messageId } = posted;
  if (!isOurId(messageId) || messageId === known.id || messageId === newest.id) return false;
  return (await liveReply(canonical, context, conversationId, known)) !== messageId;
}

function follow({ canonical, context }: PostParts, { id }: Turn): Reply {
  const request = { turnId: id, streamEntries: true };
  return { turnId: id, events: canonical.stream(context, TurnService.method.resumeTurn, request) };
}

function regenerate(parts: PostParts, conversationId: string, { id: messageId }: Message): Reply {
  const { canonical, context, posted } = parts;
  const ifRunning = policyOf(parts);
  const request = { conversationId, messageId, ifRunning, tools: clientTools(posted), streamEntries: true };
  const begin = () => canonical.stream(context, TurnService.method.regenerate, request);
  return { events: orMakeWay({ canonical, context, conversationId, ifRunning }, begin) };
}

/** Nothing is changed while a reply is in the way. */
async function edit(parts: PostParts, conversationId: string, known: Message, last: UiMessage): Promise<void> {
  const { canonical, context } = parts;
  await makeWay({ canonical, context, conversationId, ifRunning: policyOf(parts) });
  const { content = "", parts: draft = [], metadata = {} } = await draftOf(parts, last);
  const message = { content, parts: draft, metadata };
  const updateMask = { paths: ["content", "parts", "metadata"] };
  await canonical.call(context, MessageService.method.updateMessage, { messageId: known.id, message, updateMask });
}

/** A reply that waits in line would land on a branch that is left. */
function policyOf({ ifRunning }: PostParts): TurnPolicy {
  return ifRunning === TurnPolicy.QUEUE ? TurnPolicy.REJECT : ifRunning;
}

function sameMetadata(known: Message, last: UiMessage): boolean {
  return isDeepStrictEqual(known.metadata ?? {}, last.metadata ?? {});
}

function isBefore(one: Timestamp | undefined, other: Timestamp | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return one.seconds < other.seconds || (one.seconds === other.seconds && one.nanos < other.nanos);
}
