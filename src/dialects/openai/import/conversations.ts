// Conversations of the Conversations API, and their items.

import { MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { invalidField } from "../../../domain/errors.ts";
import { ourIdIn } from "../ids.ts";
import { readItem } from "../items/read-item.ts";
import { type ImportOptions, type Json, ownerOf, type RecordDraft, senderOf, textIn, timeOf } from "./drafts.ts";

/** A conversation whose items follow. */
export interface OpenConversation {
  readonly id: string;
  readonly createdAt: number;
  /** How many items it has so far. */
  count: number;
}

export function conversationRecord(value: Json, options: ImportOptions): [OpenConversation, RecordDraft] {
  const id = textIn(value, "id");
  const createTime = timeOf(value.created_at);
  if (createTime === undefined) throw invalidField("created_at", "must be a number of seconds", "required");
  const { owner = {}, participants = [] } = ownerOf(options);
  const metadata = typeof value.metadata === "object" && value.metadata !== null ? value.metadata : {};
  const conversation = { id: ourIdIn(id) ?? id, ...owner, createTime, metadata };
  return [
    { id, createdAt: value.created_at, count: 0 },
    { kind: { case: "conversation", value: { conversation, participants } } },
  ];
}

/** @param text the item's own, whose digits are kept */
export function itemRecord(
  text: string,
  item: Json,
  conversation: OpenConversation,
  options: ImportOptions,
): RecordDraft | undefined {
  const read = readItem(text, "item");
  if (read.kind === "reference") throw invalidField("item.type", "must not be item_reference", "type");
  if (read.kind === "trigger") return undefined;
  const { message, id } = read;
  conversation.count++;
  // Items have no times of their own.
  const createTime = timeOf(typeof item.created_at === "number" ? item.created_at : conversation.createdAt);
  const ours = id === undefined ? undefined : ourIdIn(id);
  return {
    kind: {
      case: "message",
      value: {
        message: {
          ...message,
          ...senderOf(message.role ?? MessageRole.USER, undefined, options),
          conversationId: ourIdIn(conversation.id) ?? conversation.id,
          id: ours ?? id ?? `${conversation.id} ${conversation.count}`,
          ...(id !== undefined && ours === undefined && { clientId: id }),
          ...(createTime && { createTime }),
        },
      },
    },
  };
}
