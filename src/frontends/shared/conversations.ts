// The conversation that a client's own id names: found by `client_id` or by its UUID, or made with the first message.
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

const MAX_ID = 128;

/** Throws INVALID_FIELD unless a text can be a client's id of a conversation or message: 1 to 128 characters. */
export function checkClientId(field: string, id: string): void {
  const length = [...id.slice(0, 2 * MAX_ID + 1)].length;
  if (length < 1 || length > MAX_ID) throw invalidField(field, `must have 1 to ${MAX_ID} characters`, "client_id");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the store cannot hold it.
  if (/\u0000/.test(id) || !id.isWellFormed()) throw invalidField(field, "must be well-formed text", "client_id");
}

/**
 * The conversation that an id names for the caller: the one with this UUID, then the caller's own with this
 * `client_id`, then one without an owner in which it takes part. The UUID goes first: a conversation that the caller
 * made under it before it could see that one would hide it for ever. One that another member owns is named by its UUID
 * alone: anybody may begin a conversation under any `client_id` and add whom it likes. Undefined: there is none that
 * the caller may see.
 */
export async function findConversation(
  canonical: Canonical,
  context: CallContext,
  id: string,
): Promise<Conversation | undefined> {
  const only = context.principal.kind === "key" ? context.principal.client?.conversationId : undefined;
  if (only !== undefined) {
    const one = await getConversation(canonical, context, only);
    return one?.clientId === id || one?.id === id.toLowerCase() ? one : undefined;
  }
  const named = isOurId(id) ? await getConversation(canonical, context, id) : undefined;
  return named ?? findByClientId(canonical, context, id);
}

async function findByClientId(
  canonical: Canonical,
  context: CallContext,
  clientId: string,
): Promise<Conversation | undefined> {
  const own = ownerOf(context);
  let joined: Conversation | undefined;
  let pageToken = "";
  do {
    const request = { clientId, pageSize: 200, pageToken };
    const page = await canonical.call(context, ConversationService.method.listConversations, request);
    const owned = page.conversations.find(({ ownerId }) => ownerId === own);
    if (owned !== undefined) return owned;
    joined ??= page.conversations.find(({ ownerId, memberView }) => ownerId === "" && memberView?.participating);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return joined;
}

async function getConversation(
  canonical: Canonical,
  context: CallContext,
  conversationId: string,
): Promise<Conversation | undefined> {
  try {
    return (await canonical.call(context, ConversationService.method.getConversation, { conversationId })).conversation;
  } catch (error) {
    if (error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND) return undefined;
    throw error;
  }
}

/** Makes the conversation of an id, owned by the caller. Of two that do so at once, both get the same one. */
export async function makeConversation(
  canonical: Canonical,
  context: CallContext,
  id: string,
  agent: string,
): Promise<Conversation> {
  const request = { conversation: { clientId: id, agent } };
  const { conversation } = await canonical.call(context, ConversationService.method.createConversation, request);
  if (conversation === undefined) throw new Error("a conversation was created without an answer");
  return conversation;
}

/** The member that owns what the caller makes; empty for a key that acts for nobody. */
function ownerOf({ principal }: CallContext): string {
  return principal.kind === "anonymous" ? "" : (principal.memberId ?? "");
}
