// CreateConversation: the conversation with its first participants and messages, once for a client id.
import { create } from "@bufbuild/protobuf";
import { ConversationSchema } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { CreateConversationRequest } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import { checkClientIds } from "../../domain/messages/client-ids.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { type ClientName, findByClientId } from "../../store/conversations/client-ids.ts";
import * as store from "../../store/conversations/conversations.ts";
import type { Queryable } from "../../store/database.ts";
import { appendMessages } from "../../store/messages/sends.ts";
import { toDrafts } from "../messages/drafts.ts";
import { checkSummaries } from "../messages/references.ts";
import { checkEntity, checkMembers, checkOwner, toValues } from "./values.ts";

/** How a conversation comes about. */
interface Creation {
  /** Tells the request from others with the same client id. */
  readonly hash: () => Promise<Uint8Array>;
  /** What is done before its log begins. */
  readonly begin?: (id: string) => Promise<void>;
}

/** The most messages that one statement adds. */
const ADD_PIECE = 1_000;

/** Returns the id: of the new conversation, or of the one that the same request created before. */
export async function createConversation(
  tx: Queryable,
  caller: Caller,
  request: Pick<CreateConversationRequest, "conversation" | "participantIds" | "messages">,
  rolePolicy: RolePolicy,
  { hash, begin }: Creation,
): Promise<string> {
  const wanted = request.conversation ?? create(ConversationSchema);
  const ownerId = wanted.ownerId || caller.memberId;
  checkEntity(wanted);
  if (ownerId !== null) await checkOwner(tx, caller, ownerId);
  const participants = new Set(caller.memberId === null ? [] : [caller.memberId]);
  await checkMembers(tx, caller, "participant_ids", request.participantIds);
  for (const id of request.participantIds) participants.add(id);
  checkClientIds(request.messages);
  const drafts = await toDrafts(request.messages);
  rolePolicy.check(caller, drafts, (index) => `messages[${index}]`);

  const id = newId();
  const { clientId } = wanted;
  const name = clientId === "" ? undefined : { clientId, hash: await hash() };
  const added = await store.insertConversation(tx, caller, id, { ...toValues(wanted), owner_id: ownerId }, name);
  if (!added && name !== undefined) return createdBefore(tx, caller, ownerId, name);
  await begin?.(id);
  await store.addParticipants(tx, caller, id, [...participants]);
  for (let first = 0; first < drafts.length; first += ADD_PIECE) {
    const piece = drafts.slice(first, first + ADD_PIECE);
    const fieldOf = (index: number) => `messages[${first + index}]`;
    const last = (await appendMessages(tx, caller, id, piece, { fieldOf })) ?? 0n;
    checkSummaries(piece, last - BigInt(piece.length), fieldOf);
  }
  return id;
}

/** Throws ALREADY_EXISTS if another request created it, NOT_FOUND if it is being purged. */
async function createdBefore(
  tx: Queryable,
  caller: Caller,
  ownerId: string | null,
  { clientId, hash }: ClientName,
): Promise<string> {
  const found = await findByClientId(tx, caller, clientId, ownerId);
  if (found === undefined || found.purging) throw notFound("conversation");
  if (found.create_hash === null || found.create_hash.equals(hash)) return found.id;
  throw clientIdTaken("another conversation of its owner has it, which another request created");
}

/** Throws ALREADY_EXISTS if a new owner has another conversation with the client id. */
export async function checkClientIdFree(
  tx: Queryable,
  caller: Caller,
  clientId: string,
  ownerId: string | null,
): Promise<void> {
  if (clientId === "" || (await findByClientId(tx, caller, clientId, ownerId)) === undefined) return;
  throw clientIdTaken("another conversation of the new owner has it");
}

function clientIdTaken(description: string): DomainError {
  const field = "conversation.client_id";
  return new DomainError(ErrorReason.ALREADY_EXISTS, `${field}: ${description}`, {
    violations: [{ field, description, rule: "client_id" }],
  });
}
