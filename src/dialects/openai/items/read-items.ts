// The items of one request.
import { MessageService as Messages } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../../domain/errors.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { Turns } from "../../../pipeline/streams/time-slices.ts";
import type { Canonical } from "../../../services/in-process/in-process.ts";
import { inParameter, ourIdIn } from "../ids.ts";
import type { MessageDraft } from "./drafts.ts";
import { readItem } from "./read-item.ts";

/** The method that looks up the item that a reference names. */
export const LOOK_UP_ITEM = Messages.method.getMessage;

/**
 * The entries that the items of a request are, without instructions that are not stored. Throws INVALID_FIELD that says
 * where, and NOT_FOUND for a reference to an item that the caller does not see.
 */
export async function readItems(
  canonical: Canonical,
  context: CallContext,
  items: readonly string[],
): Promise<MessageDraft[]> {
  const drafts: MessageDraft[] = [];
  const ids = new Set<string>();
  const turns = new Turns();
  for (const [index, text] of items.entries()) {
    // A megabyte takes some milliseconds.
    await turns.next();
    const place = `items[${index}]`;
    const item = readItem(text, place);
    if (item.kind === "trigger") continue;
    if (item.kind === "reference") {
      drafts.push(await referred(canonical, context, item.id, place));
      continue;
    }
    if (item.id !== undefined) {
      if (ids.has(item.id)) throw invalidField(`${place}.id`, "must be unique in its conversation", "id.unique");
      ids.add(item.id);
    }
    drafts.push(item.message);
  }
  return drafts;
}

async function referred(canonical: Canonical, context: CallContext, id: string, place: string): Promise<MessageDraft> {
  try {
    const messageId = ourIdIn(id);
    if (messageId === undefined) throw notFound("item");
    const { message } = await canonical.call(context, LOOK_UP_ITEM, { messageId });
    if (message === undefined) throw notFound("item");
    const { kind, role, content, parts } = message;
    return { kind, role, parts, ...(parts.length === 0 && { content }) };
  } catch (error) {
    const unknown = error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND;
    throw unknown ? inParameter(`${place}.id`, notFound("item")) : error;
  }
}
