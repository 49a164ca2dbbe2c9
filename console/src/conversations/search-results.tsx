// Messages that a search found, best first.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Fragment } from "react";
import { type MessageMatch, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../strings/en.ts";
import { Empty } from "../ui/empty.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Time } from "../ui/time.tsx";
import { highlighted } from "./highlighted.ts";
import { readPairs } from "./list-search.ts";
import styles from "./search-results.module.css";

const { searchMessages } = MessageService.method;

export function SearchResults({ query, labels }: { query: string; labels: string }) {
  const input = { query, labels: readPairs(labels) ?? {}, pageToken: "", pageSize: 50 };
  const found = useInfiniteQuery(searchMessages, input, {
    pageParamKey: "pageToken",
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  });
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  const matches = found.data.pages.flatMap((page) => page.matches);
  if (matches.length === 0) return <Empty title={text.conversations.noResult}>{text.conversations.noResultHint}</Empty>;
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

function Result({ match: { message, snippet, highlights } }: { match: MessageMatch }) {
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
          <span>{sender?.displayName || sender?.id}</span>
          <Time value={createTime} />
        </span>
        <span className={styles.snippet}>
          {highlighted(snippet, highlights).map(({ piece, start, isMatch }) => (
            <Fragment key={start}>{isMatch ? <mark>{piece}</mark> : piece}</Fragment>
          ))}
        </span>
      </Link>
    </li>
  );
}
