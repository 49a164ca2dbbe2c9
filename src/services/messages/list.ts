// ListMessages and SearchMessages: filters, orders and pages.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import * as pb from "../../../gen/colloquy/v1/message_service_pb.ts";
import { actorFilter, actorText } from "../../domain/actor.ts";
import { type Caller, callerFrom } from "../../domain/caller.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { deletedOf } from "../../domain/deleted.ts";
import { invalidField, notFound } from "../../domain/errors.ts";
import { isOurId } from "../../domain/id.ts";
import { pageSizeOf } from "../../domain/page-size.ts";
import { invalidPageToken } from "../../domain/page-token.ts";
import { parseSearch, toTsQuery } from "../../domain/search/query.ts";
import { type Snippet, snippetOf } from "../../domain/search/snippet.ts";
import type { CallContext } from "../../pipeline/call.ts";
import { Turns } from "../../pipeline/time-slices.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import * as store from "../../store/messages/lists.ts";
import { toMessage } from "../convert.ts";
import { tokenPageOf } from "../page-of.ts";
import { openPage, type Pager } from "../paging.ts";

const END_OF_LOG = 2n ** 63n - 1n;
/** Stands for any parent (AIP-159). */
const ANY = "-";

export async function listMessages(
  database: Database,
  secrets: TenantSecrets,
  request: pb.ListMessagesRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof pb.ListMessagesResponseSchema>> {
  const caller = callerFrom(principal);
  const page = await openPage(secrets, caller, pb.ListMessagesRequestSchema, request);
  if (request.conversationId === ANY) return listDeletedMessages(database, caller, page, request, interrupt);
  const limit = pageSizeOf(request.pageSize);
  const edge = page.cursor?.[0] === undefined ? undefined : BigInt(page.cursor[0]);
  const list: store.MessageList = {
    newestFirst: request.order === pb.MessageOrder.NEWEST_FIRST,
    deleted: deletedOf(request.deleted),
    afterSeq: request.afterSeq,
    beforeSeq: request.beforeSeq || END_OF_LOG,
    edge,
    limit: limit + 1,
    // What was skipped stands before the first page only.
    skip: edge === undefined ? request.skip : 0,
    role: request.role,
    sender: senderOf(request),
    count: request.includeTotalSize,
  };
  const found = isOurId(request.conversationId)
    ? await store.listMessages(database, caller, request.conversationId, list, interrupt)
    : undefined;
  if (found === undefined) throw notFound("conversation");
  const seqOf = ({ seq }: store.MessageRow) => [String(seq)];
  const { items, nextPageToken } = await tokenPageOf(page, MessageSchema, found.rows, limit, toMessage, seqOf);
  return {
    messages: items,
    nextPageToken,
    ...(found.total !== null && { totalSize: found.total }),
  };
}

/** Deleted messages of all conversations. */
async function listDeletedMessages(
  database: Database,
  caller: Caller,
  page: Pager,
  request: pb.ListMessagesRequest,
  interrupt: Interrupt,
): Promise<MessageInitShape<typeof pb.ListMessagesResponseSchema>> {
  requireOnlyDeleted(request);
  const limit = pageSizeOf(request.pageSize);
  const [edgeId, edgeTime] = page.cursor ?? [];
  const edge = edgeId === undefined ? undefined : { id: edgeId, time: new Date(Number(edgeTime)) };
  const found = await store.listDeletedMessages(
    database,
    caller,
    {
      oldestFirst: request.order !== pb.MessageOrder.NEWEST_FIRST,
      role: request.role,
      sender: senderOf(request),
      edge,
      limit: limit + 1,
      skip: edge === undefined ? request.skip : 0,
      count: request.includeTotalSize,
    },
    interrupt,
  );
  const edgeOf = ({ id, create_time }: store.MessageRow) => [id, String(create_time.getTime())];
  const { items, nextPageToken } = await tokenPageOf(page, MessageSchema, found.rows, limit, toMessage, edgeOf);
  return {
    messages: items,
    nextPageToken,
    ...(found.total !== null && { totalSize: found.total }),
  };
}

/** Throws INVALID_FIELD unless the request asks for what a list across conversations can answer. */
function requireOnlyDeleted({ deleted, afterSeq, beforeSeq }: pb.ListMessagesRequest): void {
  const of = `with conversation_id "${ANY}"`;
  if (deleted !== DeletedFilter.ONLY)
    throw invalidField("deleted", `must be DELETED_FILTER_ONLY ${of}`, "deleted.only");
  if (afterSeq !== 0n) throw invalidField("after_seq", `must be 0 ${of}`, "after_seq.one_conversation");
  if (beforeSeq !== 0n) throw invalidField("before_seq", `must be 0 ${of}`, "before_seq.one_conversation");
}

export async function searchMessages(
  database: Database,
  secrets: TenantSecrets,
  request: pb.SearchMessagesRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof pb.SearchMessagesResponseSchema>> {
  const caller = callerFrom(principal);
  const page = await openPage(secrets, caller, pb.SearchMessagesRequestSchema, request);
  const { conversationId } = request;
  if (conversationId !== "" && !isOurId(conversationId)) return { matches: [] };
  const limit = pageSizeOf(request.pageSize);
  const edge = matchEdge(page.cursor);
  const search: store.MessageSearch = {
    query: toTsQuery(parseSearch(request.query)),
    conversationId: conversationId.toLowerCase() || null,
    role: request.role,
    sender: senderOf(request),
    labels: Object.keys(request.labels).length > 0 ? request.labels : null,
    after: edge?.after,
    limit: limit + 1,
  };
  const rows = await store.searchMessages(database, caller, search, interrupt);
  // Each takes some milliseconds where the text is long.
  const snippets = new Map<store.MatchRow, Snippet>();
  const turns = new Turns();
  for (const row of rows) {
    await turns.next();
    snippets.set(row, snippetOf(row.content, request.query));
  }
  const convert = (row: store.MatchRow) => {
    const { text = "", highlights = [] } = snippets.get(row) ?? {};
    return { message: toMessage(row), score: row.score, snippet: text, highlights: [...highlights] };
  };
  const edgeOf = ({ score, id, late, moment }: store.MatchRow) => [
    String(score),
    id,
    late ? "late" : "",
    edge?.moment ?? moment,
  ];
  const found = await tokenPageOf(page, pb.MessageMatchSchema, rows, limit, convert, edgeOf);
  return { matches: found.items, nextPageToken: found.nextPageToken };
}

function senderOf(request: pb.ListMessagesRequest | pb.SearchMessagesRequest): string | null {
  const sender = actorFilter("sender", request.sender);
  return sender === undefined ? null : actorText(sender);
}

/** Where a page of matches begins, and the moment of the first page, as the token says them. */
function matchEdge([score, id = "", late, moment]: readonly string[] = []) {
  if (score === undefined) return undefined;
  // Tokens of releases that went by scores alone had two parts.
  if (moment === undefined) throw invalidPageToken();
  return { moment, after: { score: Number(score), id, late: late !== "", since: store.readMoment(moment) } };
}
