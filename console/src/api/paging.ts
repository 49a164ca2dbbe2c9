// Lists of the contract, page after page.

/** What an infinite query needs to go on. */
export const NEXT_PAGE = {
  pageParamKey: "pageToken",
  getNextPageParam: ({ nextPageToken }: { readonly nextPageToken: string }) => nextPageToken || undefined,
} as const;

/** As much of an infinite query as a view needs. */
export interface Found<P> {
  readonly data: { readonly pages: readonly P[] } | undefined;
  readonly isError: boolean;
  readonly error: unknown;
  readonly hasNextPage: boolean;
  readonly isFetchingNextPage: boolean;
  refetch(): unknown;
  fetchNextPage(): unknown;
}
