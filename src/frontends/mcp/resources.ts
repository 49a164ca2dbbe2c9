// Conversations as resources: the latest are listed, and each is read as Markdown.
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageOrder, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { notFound } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { thoseThatFit, toConversation, toMessage } from "./shapes.ts";

const SCHEME = "colloquy://conversations/";
const MARKDOWN = "text/markdown";
/** How many conversations are listed. */
const LISTED = 50;
/** How many messages a conversation's text has at most. */
const MESSAGES = 200;

export const TEMPLATES = [
  {
    uriTemplate: `${SCHEME}{id}`,
    name: "conversation",
    title: "A conversation",
    description: `Its latest messages as Markdown, ${MESSAGES} at most and about 256 KiB`,
    mimeType: MARKDOWN,
  },
];

export async function listResources(canonical: Canonical, context: CallContext) {
  const { listConversations } = ConversationService.method;
  const { conversations } = await canonical.call(context, listConversations, { pageSize: LISTED });
  return {
    resources: conversations.map((conversation) => {
      const { lastMessageTime } = toConversation(conversation);
      return {
        uri: SCHEME + conversation.id,
        name: conversation.title || conversation.id,
        mimeType: MARKDOWN,
        ...(lastMessageTime !== undefined && { annotations: { lastModified: lastMessageTime } }),
      };
    }),
  };
}

/** Throws NOT_FOUND for what is no conversation that the caller may see. */
export async function readResource(canonical: Canonical, context: CallContext, uri: string) {
  const conversationId = uri.startsWith(SCHEME) ? uri.slice(SCHEME.length) : "";
  if (!/^[\w-]{1,128}$/.test(conversationId)) throw notFound("resource");
  const [{ conversation }, page] = await Promise.all([
    canonical.call(context, ConversationService.method.getConversation, { conversationId }),
    canonical.call(context, MessageService.method.listMessages, {
      conversationId,
      order: MessageOrder.NEWEST_FIRST,
      pageSize: MESSAGES,
    }),
  ]);
  if (conversation === undefined) throw notFound("resource");
  const latest = thoseThatFit(page.messages.map(toMessage));
  const isMore = page.nextPageToken !== "" || latest.length < page.messages.length;
  const text = markdownOf(conversation, latest.toReversed(), isMore);
  return { contents: [{ uri, mimeType: MARKDOWN, text }] };
}

function markdownOf(conversation: Conversation, messages: ReturnType<typeof toMessage>[], isMore: boolean): string {
  const { id, title, status, agent } = toConversation(conversation);
  const facts = [`Conversation ${id}`, status, ...(agent === undefined ? [] : [`agent ${inLine(agent)}`])].join(" · ");
  const earlier = isMore ? ["_Earlier messages are left out: the tool read_conversation reads them._"] : [];
  const parts = messages.map(({ seq, role, sender, text, createTime }) => {
    return `## ${seq} · ${role} · ${inLine(sender)} · ${createTime}\n\n${spoken(text)}`;
  });
  return `${[`# ${plain(title) || id}`, facts, ...earlier, ...parts].join("\n\n")}\n`;
}

/** A text as a part of one line: a title with line feeds would pass for the heading of a message. */
function inLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
}

/** A title without markup. */
function plain(title: string): string {
  return inLine(title).replace(/[\\`*_[\]<>#]/g, "\\$&");
}

/** The Markdown of a message, in which no line passes for the heading of another. */
function spoken(text: string): string {
  return text.replace(/^([ \t]*)(#{1,6}[ \t]*\d+[ \t]*·)/gm, "$1\\$2");
}
