// The rows of the list: pages are read where one looks, and read again when the feed tells of a change.
import { createConnectQueryKey, createQueryOptions, useTransport } from "@connectrpc/connect-query";
import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { useLiveFeed } from "../api/live-feed.ts";
import { useThrottled } from "../ui/use-throttled.ts";
import { PAGE_SIZE, requestOf } from "./list-request.ts";
import type { ListSearch } from "./list-search.ts";

const { listConversations } = ConversationService.method;
/** How often a list that changes all the time is read again, in milliseconds. */
const REFRESH_MS = 1_000;

export interface List {
  /** Undefined: not counted yet. */
  readonly total: number | undefined;
  readonly error: unknown;
  /** Whether it does not follow what happens at the moment. */
  readonly isLost: boolean;
  /** Undefined: not read yet. */
  row(index: number): Conversation | undefined;
  retry(): void;
}

/** @param range the first and the last row in sight */
export function useList(search: ListSearch, range: readonly [number, number]): List {
  const transport = useTransport();
  const queries = useQueryClient();
  const optionsOf = (page: number) => createQueryOptions(listConversations, requestOf(search, page), { transport });
  const first = useQuery({ ...optionsOf(0), placeholderData: undefined });
  const total = first.data?.totalSize === undefined ? undefined : Number(first.data.totalSize);
  const numbers = useMemo(() => pagesOf(range, total), [range, total]);
  const pages = useQueries({ queries: numbers.map((page) => optionsOf(page)) });
  const rows = new Map(numbers.map((page, index) => [page, pages[index]?.data]));

  const refresh = useThrottled(() => {
    const queryKey = createConnectQueryKey({ schema: listConversations, cardinality: "finite" });
    return queries.invalidateQueries({ queryKey });
  }, REFRESH_MS);
  const { isLost } = useLiveFeed({ onEvents: refresh, onGap: refresh });

  const failed = [first, ...pages].find(({ isError }) => isError);
  return {
    total,
    isLost,
    error: failed?.error,
    row(index) {
      const page = Math.floor(index / PAGE_SIZE);
      const data = page === 0 ? first.data : rows.get(page);
      return data?.conversations[index % PAGE_SIZE];
    },
    retry: () => void failed?.refetch(),
  };
}

/** The pages after the first one that hold the rows in sight. */
function pagesOf([from, to]: readonly [number, number], total: number | undefined): number[] {
  if (total === undefined || total === 0) return [];
  const last = Math.floor(Math.min(to, total - 1) / PAGE_SIZE);
  const begin = Math.max(1, Math.floor(from / PAGE_SIZE));
  return Array.from({ length: Math.max(0, last - begin + 1) }, (_, index) => begin + index);
}
