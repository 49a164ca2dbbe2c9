// ListMessages and SearchMessages: filters, orders and pages.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import * as pb from "../../../gen/colloquy/v1/message_service_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { invalidField, notFound } from "../../domain/errors.ts";
import { actorFilter, actorText } from "../../domain/identity/actor.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { ANY_PARENT } from "../../domain/lists/any-parent.ts";
import { deletedOf } from "../../domain/lists/deleted.ts";
import { invalidPageToken } from "../../domain/lists/page-token.ts";
import { kindsOf } from "../../domain/messages/kinds.ts";
import { parseSearch, toTsQuery } from "../../domain/search/query.ts";
import { type Snippet, snippetOf } from "../../domain/search/snippet.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { Turns } from "../../pipeline/streams/time-slices.ts";
import type { Database, Queryable } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import * as store from "../../store/messages/lists.ts";
import { during } from "../../store/wrappers/during.ts";
import { findVisible } from "../conversations/access.ts";
import { toDate, toMessage } from "../convert.ts";
import { type PageQuery, paginate } from "../paginate.ts";
import { pathOf } from "./branches.ts";
import { HotPage } from "./hot-page.ts";
import type { PageCache } from "./page-cache.ts";

export interface ListParts {
  readonly database: Database;
  readonly secrets: TenantSecrets;
  /** Undefined: no page is kept. */
  readonly pages?: PageCache | undefined;
}

export async function listMessages(
  { database, secrets, pages }: ListParts,
  request: pb.ListMessagesRequest,
  { principal, interrupt, form }: CallContext,
): Promise<pb.ListMessagesResponse> {
  const caller = callerFrom(principal);
  const everywhere = request.conversationId === ANY_PARENT;
  let hot: HotPage | undefined;
  const { items, ...page } = await paginate(secrets, caller, pb.ListMessagesRequestSchema, request, {
    item: MessageSchema,
    async read(query) {
      if (everywhere) return readDeletedMessages(database, caller, request, query, interrupt);
      const list = await listOf(during(database, interrupt), caller, request, query);
      hot = HotPage.of(pages, caller, request.conversationId, list, form);
      const found = await readMessages(database, caller, request, { ...list, known: hot?.known }, interrupt);
      const next = hot?.settle(found);
      if (found === undefined) throw notFound("conversation");
      return next === undefined ? found : { next: next === "" ? undefined : [next] };
    },
    convert: toMessage,
    key: everywhere ? ({ id, create_time }) => [id, String(create_time.getTime())] : ({ seq }) => [String(seq)],
  });
  const response = create(pb.ListMessagesResponseSchema, { messages: items, ...page });
  hot?.attach(response);
  return response;
}

/** What is asked for, of one conversation. */
async function listOf(
  on: Queryable,
  caller: Caller,
  request: pb.ListMessagesRequest,
  { after: [seq] = [], ...part }: PageQuery,
): Promise<store.MessageList> {
  return {
    newestFirst: request.order === pb.MessageOrder.NEWEST_FIRST,
    deleted: deletedOf(request.deleted),
    afterSeq: request.afterSeq,
    beforeSeq: request.beforeSeq || store.END_OF_LOG,
    edge: seq === undefined ? undefined : BigInt(seq),
    role: request.role,
    sender: senderOf(request),
    kinds: kindsOf(request.kinds),
    clientId: request.clientId || null,
    path: await branchAskedFor(on, caller, request),
    count: request.includeTotalSize,
    ...part,
  };
}

function readMessages(
  database: Database,
  caller: Caller,
  { conversationId }: pb.ListMessagesRequest,
  list: store.MessageList,
  interrupt: Interrupt,
) {
  if (!isOurId(conversationId)) return undefined;
  return store.listMessages(database, caller, conversationId, list, interrupt);
}

/** The path of the branch that is asked for. Throws NOT_FOUND if there is none. */
async function branchAskedFor(on: Queryable, caller: Caller, request: pb.ListMessagesRequest) {
  if (request.branchMessageId === "") return undefined;
  const row = await findVisible(on, caller, request.conversationId);
  const path = await pathOf(on, caller, row, request.branchMessageId);
  if (path === undefined) throw notFound("message");
  return path;
}

/** Deleted ones of all conversations. */
async function readDeletedMessages(
  database: Database,
  caller: Caller,
  request: pb.ListMessagesRequest,
  { after: [id, time] = [], ...part }: PageQuery,
  interrupt: Interrupt,
) {
  requireOnlyDeleted(request);
  const list = {
    oldestFirst: request.order !== pb.MessageOrder.NEWEST_FIRST,
    role: request.role,
    sender: senderOf(request),
    kinds: kindsOf(request.kinds),
    edge: id === undefined ? undefined : { id, time: new Date(Number(time)) },
    count: request.includeTotalSize,
    ...part,
  };
  return store.listDeletedMessages(database, caller, list, interrupt);
}

/** Throws INVALID_FIELD unless the request asks for what a list across conversations can answer. */
function requireOnlyDeleted({ deleted, afterSeq, beforeSeq, clientId, branchMessageId }: pb.ListMessagesRequest): void {
  const of = `with conversation_id "${ANY_PARENT}"`;
  if (deleted !== DeletedFilter.ONLY)
    throw invalidField("deleted", `must be DELETED_FILTER_ONLY ${of}`, "deleted.only");
  if (afterSeq !== 0n) throw invalidField("after_seq", `must be 0 ${of}`, "after_seq.one_conversation");
  if (beforeSeq !== 0n) throw invalidField("before_seq", `must be 0 ${of}`, "before_seq.one_conversation");
  if (clientId !== "") throw invalidField("client_id", `must be empty ${of}`, "client_id.one_conversation");
  if (branchMessageId !== "") {
    throw invalidField("branch_message_id", `must be empty ${of}`, "branch_message_id.one_conversation");
  }
}

export async function searchMessages(
  database: Database,
  secrets: TenantSecrets,
  request: pb.SearchMessagesRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof pb.SearchMessagesResponseSchema>> {
  const caller = callerFrom(principal);
  const { conversationId } = request;
  const isKnown = conversationId === "" || isOurId(conversationId);
  const snippets = new Map<store.MatchRow, Snippet>();
  let edge: ReturnType<typeof matchEdge>;
  const { items, ...page } = await paginate(secrets, caller, pb.SearchMessagesRequestSchema, request, {
    item: pb.MessageMatchSchema,
    async read({ after, limit }) {
      if (!isKnown) return [];
      edge = matchEdge(after);
      const search: store.MessageSearch = {
        query: toTsQuery(parseSearch(request.query)),
        conversationId: conversationId.toLowerCase() || null,
        role: request.role,
        sender: senderOf(request),
        labels: Object.keys(request.labels).length > 0 ? request.labels : null,
        filters: searchFiltersOf(request),
        after: edge?.after,
        limit,
      };
      const rows = await store.searchMessages(database, caller, search, interrupt);
      // Each takes some milliseconds where the text is long.
      const turns = new Turns();
      for (const row of rows) {
        await turns.next();
        snippets.set(row, snippetOf(row.content, request.query));
      }
      return rows;
    },
    convert(row) {
      const { text = "", highlights = [] } = snippets.get(row) ?? {};
      const conversationTitle = row.title ?? "";
      return {
        message: toMessage(row),
        score: row.score,
        snippet: text,
        highlights: [...highlights],
        conversationTitle,
      };
    },
    key: ({ score, id, late, moment }) => [String(score), id, late ? "late" : "", edge?.moment ?? moment],
  });
  return { matches: items, ...page };
}

/** Only the filters that are set. */
function searchFiltersOf(request: pb.SearchMessagesRequest): store.MessageSearch["filters"] {
  const { startTime, endTime, status, callType, ownerId, participantId, agent } = request;
  const { entityType, entityId, mode, pinned, metadata } = request;
  return {
    ...(startTime && { start: toDate(startTime) }),
    ...(endTime && { end: toDate(endTime) }),
    ...(status && { status }),
    ...(callType && { callType }),
    ...(ownerId && { ownerId }),
    ...(participantId && { participantId }),
    ...(agent && { agent }),
    ...(entityType && { entityType }),
    ...(entityId && { entityId }),
    ...(mode && { mode }),
    ...(pinned !== undefined && { pinned }),
    ...(Object.keys(metadata).length > 0 && { metadata }),
  };
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
