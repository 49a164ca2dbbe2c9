// BatchListMessages: the messages of many conversations, as far as they fit into one response.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Message, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import type {
  BatchListMessagesRequest,
  BatchListMessagesResponseSchema,
} from "../../../gen/colloquy/v1/message_service_pb.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { kindsOf } from "../../domain/messages/kinds.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import { areHeavy } from "../../store/driver/row-budget.ts";
import { readMessageBatch } from "../../store/messages/lists.ts";
import { toMessage } from "../convert.ts";
import { PAGE_BYTES, PageWeight } from "../page-weight.ts";

const MAX_MESSAGES = 20_000;
/** Of text and metadata. A response stays below 4 MiB, the default limit of gRPC clients. */
const MAX_BYTES = PAGE_BYTES;

export async function batchListMessages(
  database: Database,
  request: BatchListMessagesRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof BatchListMessagesResponseSchema>> {
  const caller = callerFrom(principal);
  const asked = [...new Set(request.conversationIds.map((id) => id.toLowerCase()))];
  const ids = asked.filter(isOurId);
  const limit = request.maxMessages || MAX_MESSAGES;
  const afterSeq = ids[0] === asked[0] ? request.afterSeq : 0n;
  const batch = {
    ids,
    latest: request.latest || null,
    limit,
    afterSeq,
    maxBytes: MAX_BYTES,
    kinds: kindsOf(request.kinds),
  };
  const rows = await readMessageBatch(database, caller, batch, interrupt);

  const weight = areHeavy(rows) ? new PageWeight() : undefined;
  const found = new Map<string, Message[]>();
  let end: string | undefined;
  for (const { asked_id: conversationId, skipped, place, bytes_before, ...row } of rows) {
    const messages = found.get(conversationId) ?? [];
    found.set(conversationId, messages);
    if (end !== undefined) continue;
    if (skipped || place > limit || bytes_before >= MAX_BYTES) end = conversationId;
    else if (row.id !== null) {
      const message = toMessage({ ...row, id: row.id });
      const fits = weight?.add(MessageSchema, message) ?? true;
      if (!fits && place > 1n) end = conversationId;
      else messages.push(message);
    }
  }
  const seen = [...found.keys()];
  const whole = end === undefined ? seen : seen.slice(0, seen.indexOf(end));
  // Only the first one may be returned in part; any other waits until it is the first.
  const part = whole.length === 0 && end === ids[0] ? seen.slice(0, 1) : [];
  return {
    conversations: [...whole, ...part].map((id) => ({ conversationId: id, messages: found.get(id) ?? [] })),
    missingIds: asked.filter((id) => !found.has(id)),
    remainingIds: seen.slice(whole.length),
    nextAfterSeq: part.map((id) => found.get(id)?.at(-1)?.seq ?? 0n)[0] ?? 0n,
  };
}
