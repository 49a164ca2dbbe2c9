// Pages that are counted, as the dialects ask for them.
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import type { ResponseBudget } from "../../services/in-process/response-budget.ts";
import { CANONICAL_PAGE } from "./conversation-pages.ts";

/** Maximum items that the services skip, more than any caller has. */
const MAX_SKIP = 10_000_000;

/** How many items stand before a page, from 1. */
export function skipOf(page: number, size: number): number {
  return Math.min((page - 1) * size, MAX_SKIP);
}

/** How many pages so many items make; 0 for none. */
export function totalPages(total: number, size: number): number {
  return Math.ceil(total / size);
}

/** The result of one call of a list. */
export interface ListedPage<T> {
  readonly items: readonly T[];
  readonly nextPageToken: string;
  readonly totalSize?: bigint | undefined;
}

/**
 * The first `size` items of a list, read in as many calls as that takes, and how many match in all.
 *
 * @param convert what is kept of each; the rest is let go with its page
 */
export async function collect<T extends Message | Conversation, U>(
  budget: ResponseBudget,
  size: number,
  read: (pageSize: number, pageToken: string) => Promise<ListedPage<T>>,
  convert: (item: T) => U,
): Promise<{ readonly items: readonly U[]; readonly total: number }> {
  const items: U[] = [];
  let pageToken = "";
  let total = 0;
  do {
    const page = await read(Math.min(size - items.length, CANONICAL_PAGE), pageToken);
    await budget.add(page.items);
    items.push(...page.items.map(convert));
    total = Number(page.totalSize ?? total);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && items.length < size);
  return { items, total };
}
