// The items of one request.
import { DomainError, ErrorReason, notFound } from "../../../domain/errors.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { Turns } from "../../../pipeline/streams/time-slices.ts";
import { type FindItems, notUnique } from "../find-items.ts";
import { inParameter, ourIdIn } from "../ids.ts";
import type { MessageDraft } from "./drafts.ts";
import { readItem } from "./read-item.ts";

/**
 * The entries that the items of a request are, without instructions that are not stored. Throws INVALID_FIELD that says
 * where, and NOT_FOUND for a reference to an item that the caller does not see.
 *
 * @param conversationId undefined: the conversation is a new one
 * @param name of the field that has the items
 */
export async function readItems(
  items: FindItems,
  context: CallContext,
  conversationId: string | undefined,
  texts: readonly string[],
  name = "items",
): Promise<MessageDraft[]> {
  const drafts: MessageDraft[] = [];
  const ids = new Set<string>();
  const turns = new Turns();
  for (const [index, text] of texts.entries()) {
    // A megabyte takes some milliseconds.
    await turns.next();
    const place = `${name}[${index}]`;
    const item = readItem(text, place);
    if (item.kind === "trigger") continue;
    if (item.kind === "reference") {
      drafts.push(await referred(items, context, conversationId, item.id, place));
      continue;
    }
    const { id, message } = item;
    if (id === undefined) {
      drafts.push(message);
      continue;
    }
    if (ids.has(id)) throw notUnique(place);
    ids.add(id);
    const clientId = conversationId === undefined ? id : await items.clientIdFor(context, conversationId, id, place);
    drafts.push({ ...message, clientId });
  }
  return drafts;
}

/** A copy of a stored item, of the conversation or, by an id that was derived, of another. */
async function referred(
  items: FindItems,
  context: CallContext,
  conversationId: string | undefined,
  id: string,
  place: string,
): Promise<MessageDraft> {
  const ours = ourIdIn(id) !== undefined || conversationId === undefined;
  try {
    const found = ours ? items.findAnywhere(context, id) : items.find(context, conversationId, id);
    const { kind, role, content, parts } = await found;
    return { kind, role, parts, ...(parts.length === 0 && { content }) };
  } catch (error) {
    const unknown = error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND;
    throw unknown ? inParameter(`${place}.id`, notFound("item")) : error;
  }
}
