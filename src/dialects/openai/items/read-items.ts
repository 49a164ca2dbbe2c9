// The items of one request.
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../../domain/errors.ts";
import { STAND_IN } from "../../../domain/files/inline-bytes.ts";
import { clientIdTaken } from "../../../domain/messages/client-ids.ts";
import type { CallContext } from "../../../pipeline/call/call.ts";
import { Turns } from "../../../pipeline/streams/time-slices.ts";
import { NO_FILES } from "../files/in-place.ts";
import { type FindItems, type GivenId, notUnique } from "../find-items.ts";
import { inParameter, ourIdIn } from "../ids.ts";
import type { MessageDraft } from "./drafts.ts";
import { readItem } from "./read-item.ts";
import { asStored } from "./sent-before.ts";

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
    const given: GivenId =
      conversationId === undefined ? { clientId: id } : await items.clientIdFor(context, conversationId, id, place);
    drafts.push(await again(items, context, { ...message, clientId: given.clientId }, given.stored, text, place));
  }
  return drafts;
}

/** A draft with the id of a stored entry: that entry, if it is the same. Throws ALREADY_EXISTS before files are stored. */
async function again(
  items: FindItems,
  context: CallContext,
  draft: MessageDraft,
  stored: Message | undefined,
  text: string,
  place: string,
): Promise<MessageDraft> {
  if (stored === undefined) return draft;
  const files = await items.standInsOf(context, stored);
  const same = asStored(draft, stored, files ?? NO_FILES);
  if (same !== undefined) return same;
  // What was edited is compared as it was, by the store, and so is what has lost a file.
  const isOther = files !== undefined && stored.revision === 0;
  if (isOther && text.includes(STAND_IN)) throw clientIdTaken(`${place}.id`);
  return draft;
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
