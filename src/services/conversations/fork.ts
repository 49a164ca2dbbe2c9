// ForkConversation: a conversation that shows another one up to an entry, and goes on by itself.
import { create, isFieldSet } from "@bufbuild/protobuf";
import { type Conversation, ConversationSchema, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import {
  type ForkConversationRequest,
  ForkConversationRequestSchema,
} from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { invalidField, notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { inherit } from "../../store/branches/forks.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { toConversation } from "../convert.ts";
import { requestHash } from "../mutations.ts";
import { lockVisible } from "./access.ts";
import { createConversation } from "./create.ts";

/** Returns the id: of the new conversation, or of the one that the same request with a client id created before. */
export async function forkConversation(
  tx: Queryable,
  caller: Caller,
  request: ForkConversationRequest,
  rolePolicy: RolePolicy,
): Promise<string> {
  const origin = await lockVisible(tx, caller, request.conversationId);
  const { last_seq: lastSeq, segmented } = origin;
  if (request.seq > lastSeq) {
    throw invalidField("seq", `must be at most ${lastSeq}, the last entry of the conversation`, "seq.max");
  }
  const conversation = overlaid(await copyOf(tx, caller, origin.id), request.conversation);
  const wanted = { conversation, participantIds: request.participantIds, messages: [] };
  return createConversation(tx, caller, wanted, rolePolicy, {
    hash: () => requestHash(ForkConversationRequestSchema, request),
    begin: (id) =>
      inherit(tx, id, { origin: { tenantId: caller.tenantId, id: origin.id, segmented }, seq: request.seq, lastSeq }),
  });
}

/** A conversation with the fields of another one that are set. */
function overlaid(copy: Conversation, given: Conversation | undefined): Conversation {
  if (given === undefined) return copy;
  const values: Record<string, unknown> = { ...copy };
  for (const field of ConversationSchema.fields) {
    if (isFieldSet(given, field)) values[field.localName] = given[field.localName as keyof Conversation];
  }
  return values as Conversation;
}

async function copyOf(tx: Queryable, caller: Caller, id: string): Promise<Conversation> {
  const row = await readConversation(tx, caller, id);
  if (row === undefined) throw notFound("conversation");
  const own = { ownerId: "", status: ConversationStatus.ACTIVE, pinned: false, clientId: "" };
  return create(ConversationSchema, { ...toConversation(row, caller), ...own });
}
