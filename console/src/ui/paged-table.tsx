// A list of the contract as a table: its pages, and what it says while there is nothing to show.
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import type { Found } from "../api/paging.ts";
import { text } from "../strings/en.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { Empty } from "./empty.tsx";
import { FailureNotice } from "./failure-notice.tsx";
import { Loading } from "./loading.tsx";

export interface PagedTableProps<P, R> {
  readonly label: string;
  readonly found: Found<P>;
  readonly rowsOf: (page: P) => readonly R[];
  readonly columns: readonly Column<R>[];
  readonly keyOf: (row: R) => string;
  readonly empty: { readonly title: string; readonly hint: ReactNode };
}

export function PagedTable<P, R>({ label, found, rowsOf, columns, keyOf, empty }: PagedTableProps<P, R>) {
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  const rows = found.data.pages.flatMap(rowsOf);
  if (rows.length === 0 && !found.hasNextPage) return <Empty title={empty.title}>{empty.hint}</Empty>;
  return (
    <>
      <DataTable label={label} columns={columns} rows={rows} keyOf={keyOf} />
      {found.hasNextPage && (
        <Button mt="md" variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {text.common.more}
        </Button>
      )}
    </>
  );
}
