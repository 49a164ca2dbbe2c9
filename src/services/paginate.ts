// The steps that every list repeats: opens the page token, reads one row more than the page has, and makes the next
// token.
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { Caller } from "../domain/identity/caller.ts";
import { pageSizeOf } from "../domain/lists/page-size.ts";
import { bindingOf, openCursor, sealCursor } from "../domain/lists/page-token.ts";
import type { TenantSecrets } from "../store/directory/tenant-secrets.ts";
import { pageOf } from "./page-of.ts";

/** What to read. */
export interface PageQuery {
  /** The key of the last row of the page before, by which the list is ordered; undefined: the first page. */
  readonly after: readonly string[] | undefined;
  /** Rows to skip before the first page; 0 on every other. */
  readonly skip: number;
  /** Rows to read: one more than the page has, which tells whether more come. */
  readonly limit: number;
}

export interface FoundRows<Row> {
  readonly rows: readonly Row[];
  readonly total: bigint | null;
}

/** A page whose items the caller has already. */
export interface KnownPage {
  /** The key of its last row, if another page follows. */
  readonly next: readonly string[] | undefined;
}

export interface Listing<Row extends object, Item extends DescMessage> {
  readonly item: Item;
  /** Rows in the order of their keys, fewer where they are cut by bytes; and the total, where it was asked for. */
  read(query: PageQuery): Promise<readonly Row[] | FoundRows<Row> | KnownPage>;
  convert(row: Row): MessageInitShape<Item>;
  /** Where a page ends: the key of its last row. */
  key(last: Row): readonly string[];
  /**
   * Whether the items are weighed; true for rows that came without a row budget. Default: what is known of the rows.
   */
  readonly heavy?: boolean;
}

export interface ListedPage<Item> {
  readonly items: Item[];
  /** Empty: nothing comes after them. */
  readonly nextPageToken: string;
  /** Left out where the list does not count. */
  readonly totalSize?: bigint;
}

/**
 * Throws INVALID_PAGE_TOKEN if the request's token is damaged or was made for other arguments, and what `read` throws.
 */
export async function paginate<M extends DescMessage, Row extends object, Item extends DescMessage>(
  secrets: TenantSecrets,
  caller: Caller,
  schema: M,
  request: MessageShape<M> & { readonly pageToken: string; readonly pageSize: number; readonly skip?: number },
  { item, read, convert, key, heavy }: Listing<Row, Item>,
): Promise<ListedPage<MessageInitShape<Item>>> {
  const scope = async () => ({
    tenantId: caller.tenantId,
    secret: await secrets(caller.tenantId),
    binding: bindingOf(schema, request, caller.name),
  });
  const size = pageSizeOf(request.pageSize);
  const after = request.pageToken === "" ? undefined : openCursor(await scope(), request.pageToken).map(String);
  const found = await read({ after, limit: size + 1, skip: after === undefined ? (request.skip ?? 0) : 0 });
  if ("next" in found) {
    return { items: [], nextPageToken: found.next === undefined ? "" : sealCursor(await scope(), found.next) };
  }
  const { rows, total } = "rows" in found ? found : { rows: found, total: null };
  const { items, shown, more } = pageOf(item, rows, size, convert, heavy);
  const last = shown.at(-1);
  return {
    items: [...items],
    nextPageToken: more && last !== undefined ? sealCursor(await scope(), key(last)) : "",
    ...(total !== null && { totalSize: total }),
  };
}
