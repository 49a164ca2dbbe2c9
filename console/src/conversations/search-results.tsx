// Messages that a search found, best first.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Fragment } from "react";
import { type MessageMatch, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../strings/en.ts";
import { ActorName } from "../ui/actor-name.tsx";
import { Empty } from "../ui/empty.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Time } from "../ui/time.tsx";
import { highlighted } from "./highlighted.ts";
import { searchOf } from "./list-request.ts";
import { countFilters, type ListSearch } from "./list-search.ts";
import styles from "./search-results.module.css";

const { searchMessages } = MessageService.method;

export interface SearchResultsProps {
  readonly query: string;
  readonly search: ListSearch;
  /** Takes the filters away. */
  readonly onClear: () => void;
}

export function SearchResults({ query, search, onClear }: SearchResultsProps) {
  const found = useInfiniteQuery(searchMessages, searchOf(query, search), {
    pageParamKey: "pageToken",
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  });
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  const matches = found.data.pages.flatMap((page) => page.matches);
  if (matches.length === 0) return <NothingFound isFiltered={countFilters(search) > 0} onClear={onClear} />;
  return (
    <div className={styles.scroller}>
      <ol aria-label={text.conversations.resultsLabel} className={styles.list}>
        {matches.map((match) => (
          <Result key={match.message?.id} match={match} />
        ))}
      </ol>
      {found.hasNextPage && (
        <Button m="md" variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {text.conversations.more}
        </Button>
      )}
    </div>
  );
}

function NothingFound({ isFiltered, onClear }: { isFiltered: boolean; onClear: () => void }) {
  return (
    <Empty title={text.conversations.noResult}>
      <p>{text.conversations.noResultHint}</p>
      {isFiltered && (
        <Button variant="default" size="xs" onClick={onClear}>
          {text.conversations.clear}
        </Button>
      )}
    </Empty>
  );
}

function Result({ match: { message, snippet, highlights, conversationTitle } }: { match: MessageMatch }) {
  if (message === undefined) return null;
  const { conversationId, id, sender, createTime } = message;
  return (
    <li>
      <Link
        to="/conversations/$conversationId"
        params={{ conversationId }}
        search={{ at: id }}
        className={styles.result}
      >
        <span className={styles.head}>
          <span className={styles.where} dir="auto">
            {conversationTitle || text.conversations.untitled}
          </span>
          <span className={styles.who}>
            <ActorName actor={sender} />
          </span>
          <Time value={createTime} withClock />
        </span>
        <span className={styles.snippet} dir="auto">
          {highlighted(snippet, highlights).map(({ piece, start, isMatch }) => (
            <Fragment key={start}>{isMatch ? <mark>{piece}</mark> : piece}</Fragment>
          ))}
        </span>
      </Link>
    </li>
  );
}
