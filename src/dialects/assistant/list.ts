// All conversations of a user with all their messages, as far as they fit into one response.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ConversationSchema } from "../../../gen/colloquy/compat/assistant/v1/conversation_pb.ts";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import type { ResponseBudget } from "../../services/in-process/response-budget.ts";
import { CANONICAL_PAGE, LONGEST_PAGE } from "../shared/conversation-pages.ts";
import { readBatch } from "../shared/message-batches.ts";
import { toListed } from "./convert.ts";

const MAX_MESSAGES = 20_000;

/** Where the next response begins. */
interface Place {
  /** Of the page of conversations that it begins in. */
  readonly pageToken: string;
  /** The conversation on that page; empty: the first. */
  readonly fromId: string;
  /** When that was created, in milliseconds since 1970. */
  readonly fromTime: number;
  /** In that conversation, after this place in its log. */
  readonly afterSeq: bigint;
}

const START: Place = { pageToken: "", fromId: "", fromTime: 0, afterSeq: 0n };

export interface Listed {
  readonly conversations: MessageInitShape<typeof ConversationSchema>[];
  /** Undefined: there is no more. */
  readonly nextCursor: string | undefined;
}

export async function listAll(
  canonical: Canonical,
  context: CallContext,
  { userId, limit = LONGEST_PAGE, cursor }: { userId: string; limit?: number | undefined; cursor: string },
): Promise<Listed> {
  const size = Math.min(limit, LONGEST_PAGE);
  const conversations: MessageInitShape<typeof ConversationSchema>[] = [];
  const budget = canonical.responseBudget(context);
  let room = MAX_MESSAGES;
  let place: Place | undefined = cursor === "" ? START : readCursor(cursor);
  while (place !== undefined) {
    const count: number = size - conversations.length;
    if (count === 0 || room === 0) return { conversations, nextCursor: writeCursor(place) };
    const page: Page = await readPage(canonical, context, userId, place, count);
    const response = await readMessages(canonical, context, budget, page, room, conversations.length > 0);
    conversations.push(...response.conversations);
    room -= response.messages;
    if (response.stop !== undefined) return { conversations, nextCursor: writeCursor({ ...place, ...response.stop }) };
    place = page.next;
  }
  return { conversations, nextCursor: undefined };
}

interface Page {
  readonly conversations: readonly Conversation[];
  readonly afterSeq: bigint;
  /** Where it goes on; undefined: there is no more. */
  readonly next: Place | undefined;
}

/** At most `count` conversations from a place on. */
async function readPage(
  canonical: Canonical,
  context: CallContext,
  userId: string,
  place: Place,
  count: number,
): Promise<Page> {
  const { pageToken, fromId, afterSeq } = place;
  const page = await canonical
    .call(context, ConversationService.method.listConversations, {
      ownerId: userId,
      pageToken,
      // The page that holds `fromId` is as long as it was.
      pageSize: fromId === "" ? Math.min(count, CANONICAL_PAGE) : CANONICAL_PAGE,
    })
    .catch((error: unknown) => {
      const spoilt = error instanceof DomainError && error.reason === ErrorReason.INVALID_PAGE_TOKEN;
      throw spoilt ? invalidCursor() : error;
    });
  // Newest first, and of those of one moment in the order of ids.
  const left = page.conversations.filter((one) => {
    const time = timeOf(one);
    return fromId === "" || time < place.fromTime || (time === place.fromTime && one.id <= fromId);
  });
  const behind = left[count];
  const after = page.nextPageToken === "" ? undefined : { ...START, pageToken: page.nextPageToken };
  return {
    conversations: left.slice(0, count),
    // It may be gone since.
    afterSeq: left[0]?.id === fromId ? afterSeq : 0n,
    next: behind === undefined ? after : { pageToken, fromId: behind.id, fromTime: timeOf(behind), afterSeq: 0n },
  };
}

function timeOf({ createTime }: Conversation): number {
  return createTime === undefined ? 0 : timestampMs(createTime);
}

/** The conversations of a page with their messages; `stop` is the first one that does not fit. */
async function readMessages(
  canonical: Canonical,
  context: CallContext,
  budget: ResponseBudget,
  page: Page,
  room: number,
  mayStop: boolean,
): Promise<{ conversations: Listed["conversations"]; messages: number; stop: Omit<Place, "pageToken"> | undefined }> {
  if (page.conversations.length === 0) return { conversations: [], messages: 0, stop: undefined };
  const response = await readBatch(canonical, context, budget, {
    conversationIds: page.conversations.map(({ id }) => id),
    maxMessages: room,
    afterSeq: page.afterSeq,
  });
  const [cut] = response.remainingIds;
  // A conversation is returned in part only if it is alone: otherwise it begins the next response.
  const whole = mayStop && response.nextAfterSeq > 0n ? [] : response.conversations;
  const found = new Map(whole.map(({ conversationId, messages }) => [conversationId, messages]));
  const conversations = page.conversations.flatMap((conversation) => {
    const messages = found.get(conversation.id);
    return messages === undefined ? [] : toListed(conversation, messages);
  });
  const messages = whole.reduce((sum, one) => sum + one.messages.length, 0);
  const afterSeq = whole.length === 0 ? page.afterSeq : response.nextAfterSeq;
  const from = page.conversations.find(({ id }) => id === cut);
  return { conversations, messages, stop: from && { fromId: from.id, fromTime: timeOf(from), afterSeq } };
}

function writeCursor({ pageToken, fromId, fromTime, afterSeq }: Place): string {
  return Buffer.from(JSON.stringify([pageToken, fromId, String(fromTime), String(afterSeq)])).toString("base64url");
}

/** The token in it is authenticated by the services; the rest leads to nothing that the caller does not see. */
function readCursor(cursor: string): Place {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(cursor, "base64url").toString());
  } catch {
    throw invalidCursor();
  }
  if (!Array.isArray(read) || read.length !== 4 || !read.every((part) => typeof part === "string"))
    throw invalidCursor();
  const [pageToken, fromId, fromTime, afterSeq] = read as [string, string, string, string];
  if (!/^-?\d{1,15}$/.test(fromTime) || !/^\d{1,18}$/.test(afterSeq)) throw invalidCursor();
  return { pageToken, fromId, fromTime: Number(fromTime), afterSeq: BigInt(afterSeq) };
}

function invalidCursor(): DomainError {
  return invalidField("cursor", "it is damaged, or was made for other arguments; begin again without it", "cursor");
}
