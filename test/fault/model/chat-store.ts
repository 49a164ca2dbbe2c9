// Gives commands of members to the real store, and tells its answers in the model's words.
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Draft } from "../../../gen/colloquy/v1/draft_pb.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import type { Clients } from "../stage/wires.ts";
import { type ChatCommand, tellCounts, type Who } from "./chat.ts";

/** Far enough that none is sent meanwhile; the same when it is asked for again. */
const LATER = timestampFromMs(Date.now() + 30 * 24 * 3_600_000);

export interface ChatPlace {
  readonly conversationId: string;
  /** Of the message at the command's place in the log. */
  readonly messageId: string;
  readonly requestId: string;
  /**
   * Ids of what is scheduled in the conversation, by name, the last one last; of one that is scheduled again under the
   * same request id once.
   */
  readonly scheduled: Map<string, Set<string>>;
}

/** @param as the clients of a member, or of the key */
export async function askChat(as: (who: Who) => Clients, command: ChatCommand, place: ChatPlace): Promise<string> {
  const { conversationId, messageId, requestId, scheduled } = place;
  const by = as("who" in command && command.op !== "join" ? command.who : "");
  switch (command.op) {
    case "join":
      await by.participants.addParticipants({ conversationId, memberIds: [command.who], requestId });
      return "joined";
    case "react":
    case "unreact": {
      const asked = { messageId, reaction: command.reaction, requestId };
      const { reactions } = await (command.op === "react"
        ? by.reactions.addReaction(asked)
        : by.reactions.removeReaction(asked));
      return `${command.seq}${tellCounts(reactions)}`;
    }
    case "reply": {
      const message = { content: command.text, replyTo: messageId };
      return `${(await by.messages.sendMessage({ conversationId, message, requestId })).message?.seq}`;
    }
    case "mark": {
      const { participant } = await by.participants.markRead({
        conversationId,
        readSeq: BigInt(command.seq),
        requestId,
      });
      return `read to ${participant?.readSeq}`;
    }
    case "marks": {
      const { readMarks } = await by.participants.listReadMarks({ conversationId });
      return readMarks
        .map(({ memberId, readSeq }) => `${memberId} ${readSeq}`)
        .sort()
        .join();
    }
    case "view": {
      const view = (await by.conversations.getConversation({ conversationId })).conversation?.memberView;
      return view === undefined ? "no view" : `${view.unreadCount} unread`;
    }
    case "counts": {
      const { messages } = await by.messages.listMessages({ conversationId, pageSize: 200 });
      return messages.map(({ seq, replyCount, reactions }) => `${seq} ${replyCount}${tellCounts(reactions)}`).join();
    }
    case "set draft":
      return tellDraft(await by.drafts.setDraft({ conversationId, message: { content: command.text }, requestId }));
    case "draft":
      return tellDraft(await by.drafts.getDraft({ conversationId }));
    case "no draft":
      await by.drafts.deleteDraft({ conversationId, requestId });
      return "no draft";
    case "schedule": {
      const wish = { message: { content: command.name }, sendTime: LATER };
      const made = await by.drafts.scheduleMessage({ conversationId, scheduledMessage: wish, requestId });
      const ids = scheduled.get(command.name) ?? new Set();
      scheduled.set(command.name, ids.add(made.scheduledMessage?.id ?? ""));
      return `scheduled ${made.scheduledMessage?.message?.content}`;
    }
    case "cancel": {
      const id = [...(scheduled.get(command.name) ?? [])].at(-1);
      await by.drafts.cancelScheduledMessage({ scheduledMessageId: id ?? newId(), requestId });
      scheduled.get(command.name)?.delete(id ?? "");
      return "cancelled";
    }
    case "scheduled": {
      const { scheduledMessages } = await by.drafts.listScheduledMessages({ conversationId });
      return scheduledMessages
        .map(({ message }) => message?.content ?? "")
        .sort()
        .join();
    }
  }
}

function tellDraft({ draft }: { readonly draft?: Draft | undefined }): string {
  return `draft ${draft?.message?.content}`;
}
