// Reads lists of messages: of one conversation, of several, deleted ones, and search. A caller who sees only what is
// its own is a member, whose id is also how it is named as an actor; so one value says both who looks and whose
// reactions are told.

import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Segment } from "../../domain/branches/runs.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { Deleted } from "../../domain/lists/deleted.ts";
import { segmentColumns } from "../branches/branches.ts";
import type { Moment } from "../changed-since.ts";
import type { Queryable } from "../database.ts";
import { type BatchRow, listMessageBatch } from "./batch-statement.ts";
import type { MessageRow } from "./columns.ts";
import * as lists from "./list-statements.ts";
import { filterValues, type SearchFilters } from "./search-filters.ts";

export { readMoment } from "../changed-since.ts";
export type { MessageRow } from "./columns.ts";
export type { MatchRow } from "./list-statements.ts";

/** Behind every entry of a log. */
export const END_OF_LOG = 2n ** 63n - 1n;

export interface MessageList {
  readonly newestFirst: boolean;
  readonly deleted: Deleted;
  readonly afterSeq: bigint;
  readonly beforeSeq: bigint;
  /** Where the page before ended. */
  readonly edge: bigint | undefined;
  readonly limit: number;
  readonly skip: number;
  readonly role: number;
  readonly sender: string | null;
  /** One at least. */
  readonly kinds: readonly MessageKind[];
  readonly clientId: string | null;
  /** The path of another branch than the live one. */
  readonly path: readonly Segment[] | undefined;
  readonly count: boolean;
  /**
   * The state of the conversation that the caller knows the page of, or an empty text: the page then says its state.
   * Undefined: it is not asked for. For lists without filters alone, see {@link isPlain}. A conversation without a
   * state takes a second round trip.
   */
  readonly known?: string | undefined;
}

export interface MessagePage {
  /** The state that the page shows; null or undefined: none by which it could be known. */
  readonly state?: string | null;
  /** Whether that is the known one; the rows are left out then. */
  readonly unchanged?: boolean;
  readonly rows: MessageRow[];
  readonly total: bigint | null;
}

/** Whether a list has all messages of a stretch of the live branch. */
export function isPlain({ skip, role, sender, count, clientId, path, kinds }: MessageList): boolean {
  return (
    skip === 0 &&
    role === 0 &&
    sender === null &&
    !count &&
    clientId === null &&
    path === undefined &&
    areMessages(kinds)
  );
}

/**
 * Whether all that match are all messages of the conversation that are not deleted, however many the page has of them.
 */
function areAll({ role, sender, kinds, clientId, path, deleted, afterSeq, beforeSeq }: MessageList): boolean {
  return (
    role === 0 &&
    sender === null &&
    clientId === null &&
    path === undefined &&
    deleted === "exclude" &&
    afterSeq === 0n &&
    beforeSeq === END_OF_LOG &&
    areMessages(kinds)
  );
}

/** A page of a conversation's messages; undefined if the caller does not see it. One round trip. */
export async function listMessages(
  on: Queryable,
  caller: Caller,
  conversationId: string,
  list: MessageList,
  signal?: Interrupt,
): Promise<MessagePage | undefined> {
  const { clientId, kinds, path, known } = list;
  const filtered = !isPlain(list);
  const { newestFirst, deleted, afterSeq, beforeSeq, edge } = list;
  const statement = lists.listMessages({
    viewer: caller.viewer.kind,
    newestFirst,
    deleted,
    filtered,
    all: list.count && areAll(list),
    named: clientId !== null,
    given: path !== undefined,
    known: known !== undefined,
  });
  const after = newestFirst ? afterSeq : (edge ?? afterSeq);
  const before = newestFirst ? (edge ?? beforeSeq) : beforeSeq;
  const values: unknown[] = [caller.tenantId, caller.actor, conversationId, after, before, list.limit];
  if (known !== undefined) values.push(known);
  if (filtered) values.push(list.skip, list.role, list.sender, list.count, afterSeq, beforeSeq, kinds);
  if (clientId !== null) values.push(clientId);
  if (path !== undefined) values.push(...segmentColumns(path));
  const page = pageOf(await on.query(statement, values, signal));
  if (known === undefined || page === undefined) return page;
  if (page.state !== null) return { ...page, unchanged: page.state === known };
  const whole = await listMessages(on, caller, conversationId, { ...list, known: undefined }, signal);
  return whole && { ...whole, state: null };
}

export interface MessageBatch {
  readonly ids: readonly string[];
  /** Null: all of each conversation. */
  readonly latest: number | null;
  readonly limit: number;
  /** Of the first conversation. */
  readonly afterSeq: bigint;
  readonly maxBytes: number;
  readonly kinds: readonly MessageKind[];
}

/** The messages of many conversations, and one more than fits. One round trip. */
export function readMessageBatch(
  on: Queryable,
  caller: Caller,
  { ids, latest, limit, afterSeq, maxBytes, kinds }: MessageBatch,
  signal?: Interrupt,
): Promise<BatchRow[]> {
  if (ids.length === 0) return Promise.resolve([]);
  const ofKinds = !areMessages(kinds);
  const values = [caller.tenantId, caller.actor, ids, latest, limit, afterSeq, maxBytes, ...(ofKinds ? [kinds] : [])];
  return on.query(listMessageBatch(caller.viewer.kind, latest !== null, ofKinds), values, signal);
}

function areMessages(kinds: readonly MessageKind[]): boolean {
  return kinds.length === 1 && kinds[0] === MessageKind.MESSAGE;
}

function pageOf(rows: lists.ListedMessageRow[]): MessagePage | undefined {
  if (rows[0] === undefined) return undefined;
  return {
    rows: rows.filter((row): row is lists.ListedMessageRow & MessageRow => row.id !== null),
    total: rows[0].total,
    ...(rows[0].log_state !== undefined && { state: rows[0].log_state }),
  };
}

/** A page of the deleted messages of all conversations that the caller sees. */
export async function listDeletedMessages(
  on: Queryable,
  caller: Caller,
  list: {
    readonly oldestFirst: boolean;
    readonly role: number;
    readonly sender: string | null;
    readonly kinds: readonly MessageKind[];
    /** The last message of the page before. */
    readonly edge: { readonly time: Date; readonly id: string } | undefined;
    readonly limit: number;
    readonly skip: number;
    readonly count: boolean;
  },
  signal?: Interrupt,
): Promise<MessagePage> {
  const { role, sender, kinds, edge, limit, skip, count } = list;
  const place = [edge?.time ?? null, edge?.id ?? null];
  const values = [caller.tenantId, caller.actor, ...place, limit, skip, count, role, sender, kinds];
  const rows = await on.query(lists.listDeletedMessages(caller.viewer.kind, list.oldestFirst), values, signal);
  return pageOf(rows) ?? { rows: [], total: null };
}

export interface MessageSearch {
  /** As `to_tsquery` takes it. */
  readonly query: string;
  readonly conversationId: string | null;
  readonly role: number;
  readonly sender: string | null;
  /** Of the conversation; null: any. */
  readonly labels: Readonly<Record<string, string>> | null;
  readonly filters: SearchFilters;
  /** The last of the page before, whether that was among those that changed, and when the first page was read. */
  readonly after:
    | { readonly score: number; readonly id: string; readonly late: boolean; readonly since: Moment }
    | undefined;
  readonly limit: number;
}

/** Search, best match first. */
export function searchMessages(
  on: Queryable,
  caller: Caller,
  { query, conversationId, role, sender, labels, filters, after, limit }: MessageSearch,
  signal?: Interrupt,
): Promise<lists.MatchRow[]> {
  const edge = [after?.score ?? null, after?.id ?? null];
  const change = [after?.late ?? false, after?.since.next ?? 0n, after?.since.running ?? []];
  const asked = [conversationId, query, role, sender, ...edge, limit];
  const more = [labels && JSON.stringify(labels), ...filterValues(filters)];
  const values = [caller.tenantId, caller.actor, ...asked, ...change, ...more];
  return on.query(lists.searchMessages[caller.viewer.kind], values, signal);
}
