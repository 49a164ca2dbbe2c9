// The entries of a conversation as a front end gives them back: all kinds, the live branch, oldest first.
import { toJsonString } from "@bufbuild/protobuf";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { lazyText } from "../../domain/protobuf/lazy-field.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { entriesOfTurn, findById } from "../../services/in-process/stored.ts";

/** All kinds that people see: summaries are only for agents. */
export const KINDS: MessageKind[] = [
  MessageKind.MESSAGE,
  MessageKind.REASONING,
  MessageKind.TOOL_CALL,
  MessageKind.TOOL_RESULT,
  MessageKind.APPROVAL_REQUEST,
  MessageKind.APPROVAL_RESPONSE,
];

const PAGE = 200;

/**
 * The latest entries, as many as fit into `maxBytes`: about the bytes of their JSON.
 *
 * @param show how each is given back, before it is measured
 */
export async function latestEntries(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  maxBytes: number,
  show: (entry: Message) => Promise<Message>,
): Promise<Message[]> {
  const entries: Message[] = [];
  const { listMessages } = MessageService.method;
  let bytes = 0;
  let pageToken = "";
  do {
    const request = { conversationId, kinds: KINDS, order: MessageOrder.NEWEST_FIRST, pageSize: PAGE, pageToken };
    const page = await canonical.call(context, listMessages, request);
    for (const stored of page.messages) {
      const entry = await show(stored);
      bytes += bytesOf(entry);
      if (bytes > maxBytes && entries.length > 0) return entries.reverse();
      entries.push(entry);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return entries.reverse();
}

function bytesOf({ content, parts, metadata }: Message): number {
  let bytes = 200 + JSON.stringify(content).length;
  if (metadata !== undefined) bytes += JSON.stringify(metadata).length;
  for (const part of parts) bytes += toJsonString(PartSchema, part).length;
  return bytes;
}

/** What an entry takes beside its texts, in bytes. */
const ENTRY_BYTES = 1_000;

/** About how much memory an entry takes, in bytes. Parts that nobody has looked at are measured as the text that they are. */
export function weightOf(entry: Message): number {
  const { content, metadata } = entry;
  const text = lazyText(entry, "parts");
  const parts = text?.length ?? entry.parts.reduce((sum, part) => sum + toJsonString(PartSchema, part).length, 0);
  return ENTRY_BYTES + content.length + parts + (metadata === undefined ? 0 : JSON.stringify(metadata).length);
}

/** Whether a conversation has a message that a client knows by this id: its own, or the one that was given to it. */
export async function hasMessage(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
  id: string,
): Promise<boolean> {
  const { listMessages } = MessageService.method;
  // A deleted message is known too: a client that still shows it does not bring it back.
  const deleted = DeletedFilter.INCLUDE;
  const { messages } = await canonical.call(context, listMessages, {
    conversationId,
    clientId: id,
    pageSize: 1,
    deleted,
  });
  if (messages.length > 0) return true;
  return isOurId(id) && (await findById(canonical, context, id))?.conversationId === conversationId;
}

/** The entries of a turn so far that are not deleted, oldest first. */
export async function shownEntriesOfTurn(
  canonical: Canonical,
  context: CallContext,
  turnId: string,
): Promise<Message[]> {
  return (await entriesOfTurn(canonical, context, turnId)).filter(({ deleteTime }) => deleteTime === undefined);
}
