// Sends messages: one statement does all the work, and its outcome determines the response.
import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { type Message, MessageSchema, MessageState } from "../../../gen/colloquy/v1/message_pb.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { toActor } from "../../domain/identity/actor.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId, newIds } from "../../domain/ids/id.ts";
import { checkClientIds, clientIdTaken } from "../../domain/messages/client-ids.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { messageEtag } from "../../domain/updates/etag.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import { namedFiles, requireSeen } from "../../store/files/named-files.ts";
import { type ClaimRow, findFirstCall, requestInProgress } from "../../store/idempotency/idempotency.ts";
import { readByClientIds } from "../../store/messages/client-ids.ts";
import { readPlacesById } from "../../store/messages/messages.ts";
import type { SendOutcome, SendQueue } from "../../store/messages/send-batcher.ts";
import type { SendRow } from "../../store/messages/sends.ts";
import { requireOpen } from "../conversations/access.ts";
import { toDraft, toMessage, toTimestamp } from "../convert.ts";
import { requestKeyOf } from "../mutations.ts";

export interface SendStore {
  readonly database: Database;
  /** One for the process, so that concurrent sends can be batched. */
  readonly sends: SendQueue;
  readonly rolePolicy: RolePolicy;
}

export interface Sending {
  readonly conversationId: string;
  readonly messages: readonly Message[];
  /** Whether only those who take part see the conversation. */
  readonly participantsOnly?: boolean;
  /** The ids that the messages get. Default: new ones. Only where they are sent in a transaction. */
  readonly ids?: readonly string[];
}

/**
 * Adds messages at the end of a conversation, with no other between them: all or none. With a request id, a retry
 * returns what the first call added.
 */
export async function sendMessages<I extends DescMessage>(
  { database, sends, rolePolicy }: SendStore,
  context: CallContext,
  [schema, request]: readonly [I, MessageShape<I>],
  { conversationId, messages, participantsOnly = false }: Sending,
): Promise<Message[]> {
  const caller = callerFrom(context.principal);
  if (!isOurId(conversationId)) throw notFound("conversation");
  checkClientIds(messages);
  const drafts = messages.map(toDraft);
  rolePolicy.check(caller, drafts, (index) => ("message" in request ? "message" : `messages[${index}]`));
  const ids = newIds(drafts.length);
  const key = requestKeyOf(schema, request, context, caller);
  const row = await sends.send({ caller, conversationId, ids, drafts, key, participantsOnly }, context.interrupt);
  if (row?.in_progress) throw requestInProgress();
  if (row?.last_seq == null && key) {
    // A retry returns the first response, whatever happened to the conversation since.
    const first = await findFirstCall(database, key);
    // Without a message of before, what was claimed is an earlier call's; with one, it may be this call's own.
    if (first && !(row?.claimed && row.known)) {
      const known = await knownOf(database, caller, conversationId, row);
      return await repeat(database, caller, conversationId, first, known, drafts, messages);
    }
  }
  if (row === undefined) throw notFound("conversation");
  const taken = drafts.findIndex(({ clientId }) => row.writable && clientId !== undefined && clientId === row.taken);
  if (taken !== -1) throw clientIdTaken(`${"message" in request ? "message" : `messages[${taken}]`}.client_id`);
  const known = await knownOf(database, caller, conversationId, row);
  if (known.size === drafts.length) return drafts.flatMap(({ clientId = "" }) => known.get(clientId) ?? []);
  const { last_seq, create_time } = requireAdded(row, drafts, (index) =>
    "message" in request ? "message" : `messages[${index}]`,
  );
  let next = last_seq - BigInt(ids.length - known.size) + 1n;
  return drafts.map(
    (draft, index) =>
      known.get(draft.clientId ?? "") ??
      answerOf(caller, conversationId, draft, messages[index], ids[index] ?? "", next++, create_time),
  );
}

/** The messages that were there before, by client id. */
async function knownOf(
  database: Database,
  caller: Caller,
  conversationId: string,
  row: SendOutcome | undefined,
): Promise<Map<string, Message>> {
  if (!row?.writable || !row.known) return new Map();
  const rows = await readByClientIds(database, caller, conversationId, row.known);
  return new Map(rows.map((stored) => [stored.client_id ?? "", toMessage(stored)]));
}

/** The response repeats the messages; gRPC clients accept 4 MiB by default. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;
/** Bytes that the response adds to each: ids, sequence number, times, sender. */
const ADDED_BYTES = 1024;
const MAX_METADATA_BYTES = 16 * 1024;

/** Throws INVALID_FIELD, before any work, for messages that could be stored but do not fit into a response. */
export function requireResponseFits(messages: readonly Message[]): void {
  let max = messages.length * (ADDED_BYTES + MAX_METADATA_BYTES);
  for (const { content } of messages) max += 3 * content.length;
  if (max <= MAX_RESPONSE_BYTES) return;
  let bytes = messages.length * ADDED_BYTES;
  for (const { content, metadata } of messages) {
    bytes += Buffer.byteLength(content) + (metadata ? Buffer.byteLength(JSON.stringify(metadata)) : 0);
  }
  if (bytes <= MAX_RESPONSE_BYTES) return;
  const rule = `must be at most ${MAX_RESPONSE_BYTES} bytes of content and metadata together, less ${ADDED_BYTES} for each`;
  throw invalidField("messages", rule, "messages.max_bytes");
}

function requireAdded(
  row: SendRow,
  drafts: readonly MessageDraft[],
  fieldOf: (index: number) => string,
): { last_seq: bigint; create_time: Date } {
  if (!row.writable) {
    throw new DomainError(
      ErrorReason.PERMISSION_DENIED,
      "only the owner and participants of the conversation may do this",
    );
  }
  requireOpen(row.status);
  const { last_seq, create_time } = row;
  if (last_seq === null) {
    const seen = new Set(row.files);
    requireSeen(namedFiles(drafts) ?? [], (id) => seen.has(id), fieldOf);
  }
  if (last_seq === null || create_time === null) throw new Error("a send was let through but added nothing");
  return { last_seq, create_time };
}

/**
 * The first response again: the request is the same, so only what the store added is read, and what has a client id.
 */
async function repeat(
  database: Database,
  caller: Caller,
  conversationId: string,
  first: ClaimRow,
  known: ReadonlyMap<string, Message>,
  drafts: readonly MessageDraft[],
  messages: readonly Message[],
): Promise<Message[]> {
  const rows = await readPlacesById(database, caller, first.message_ids ?? []);
  // The messages were purged since.
  if (rows.length !== drafts.length) throw notFound("conversation");
  return drafts.map((draft, index) => {
    const { id = "", seq = 0n, create_time = new Date(0) } = rows[index] ?? {};
    const stored = known.get(draft.clientId ?? "");
    return stored ?? answerOf(caller, conversationId, draft, messages[index], id, seq, create_time);
  });
}

function answerOf(
  caller: Caller,
  conversationId: string,
  { kind, role, content, metadata, clientTime, clientId }: MessageDraft,
  given: Message | undefined,
  id: string,
  seq: bigint,
  createTime: Date,
): Message {
  const message = create(MessageSchema);
  message.id = id;
  message.conversationId = conversationId.toLowerCase();
  message.seq = seq;
  message.role = role;
  message.sender = toActor(caller.actor);
  message.content = content;
  if (metadata) message.metadata = metadata;
  message.state = MessageState.COMPLETE;
  if (clientTime) message.clientTime = toTimestamp(clientTime);
  message.createTime = toTimestamp(createTime);
  message.etag = messageEtag(1);
  message.kind = kind;
  message.parts = given?.parts ?? [];
  if (clientId) message.clientId = clientId;
  return message;
}
