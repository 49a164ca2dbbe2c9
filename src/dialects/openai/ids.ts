// Ids as OpenAI's clients see them: a prefix and the 32 hexadecimal digits of one of ours, found without a table.
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";

const DERIVED = /^([a-z]+)_([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;
const CONVERSATION = "conv";

/** `conv_…` */
export function conversationIdOf(id: string): string {
  return derivedId(CONVERSATION, id);
}

/** Such as `msg_…`. */
export function derivedId(prefix: string, id: string): string {
  return `${prefix}_${id.replaceAll("-", "")}`;
}

/** An id that a client may give to an item. */
export const GIVEN_ID = /^[A-Za-z0-9_-]{1,128}$/;

/**
 * The id of an item: the one that its client gave it, else one that is derived from ours. One that was given again,
 * after the item that had it was deleted, is kept apart by a number, which no such id can have.
 */
export function itemIdOf({ clientId, id }: { readonly clientId: string; readonly id: string }, prefix: string): string {
  const end = clientId.indexOf(AGAIN);
  const given = end === -1 ? clientId : clientId.slice(0, end);
  return GIVEN_ID.test(given) ? given : derivedId(prefix, id);
}

/** The client ids under which items with an id may be, one after the other. */
export function clientIdOf(id: string, times: number): string {
  return times === 0 ? id : `${id}${AGAIN}${times + 1}`;
}

const AGAIN = "~";

/** Our id in one that was derived from it; undefined: it is none. */
export function ourIdIn(id: string): string | undefined {
  const [, , a, b, c, d, e] = DERIVED.exec(id) ?? [];
  return a === undefined ? undefined : `${a}-${b}-${c}-${d}-${e}`;
}

/** Our id of a conversation. Throws NOT_FOUND for what cannot be one. */
export function ourConversationId(id: string): string {
  const own = id.startsWith(`${CONVERSATION}_`) ? ourIdIn(id) : undefined;
  if (own === undefined) throw notFound("conversation");
  return own;
}

const FILE = /^file-([0-9a-f]{8})([0-9a-f]{4})(7[0-9a-f]{3})([89ab][0-9a-f]{3})([0-9a-f]{12})$/;

/** `file-…` */
export function fileIdOf(id: string): string {
  return `file-${id.replaceAll("-", "")}`;
}

/** Our id in that of a file; undefined: it is one of others, such as OpenAI's own. */
export function ourFileIdIn(id: string): string | undefined {
  const [, ...groups] = FILE.exec(id) ?? [];
  return groups.length === 0 ? undefined : groups.join("-");
}

/** Our id of a file. Throws NOT_FOUND for what cannot be one. */
export function ourFileId(id: string): string {
  const own = ourFileIdIn(id);
  if (own === undefined) throw notFound("file");
  return own;
}

/** What was not found, if it is that, is what a parameter names. */
export function inParameter(field: string, error: unknown): unknown {
  if (!(error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND)) return error;
  const { message } = error;
  return new DomainError(ErrorReason.NOT_FOUND, message, {
    violations: [{ field, description: message, rule: "found" }],
  });
}
