// The list: as long as there are conversations, of which only those in sight are rows.
import { Button, Text } from "@mantine/core";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { text } from "../strings/en.ts";
import { Empty } from "../ui/empty.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { FeedNotice } from "../ui/feed-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { useSettled } from "../ui/use-settled.ts";
import styles from "./conversation-list.module.css";
import { ConversationRow } from "./conversation-row.tsx";
import { lastPlace, rememberPlace } from "./last-list.ts";
import { countFilters, type ListSearch } from "./list-search.ts";
import { useList } from "./use-list.ts";
import { useListKeys } from "./use-list-keys.ts";

const ROW_HEIGHT = 64;
/** A page is asked for once scrolling has rested on it for so long. */
const SETTLE_MS = 60;

export function ConversationList({ search, onClear }: { search: ListSearch; onClear: () => void }) {
  const scroller = useRef<HTMLDivElement>(null);
  const [selected, setSelected] = useState(() => lastPlace(search).selected);
  const [sight, setSight] = useState<readonly [number, number]>([0, 0]);
  const range = useSettled(sight, SETTLE_MS);
  const list = useList(search, range);
  const total = list.total ?? 0;
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    initialOffset: () => lastPlace(search).offset,
    onChange: ({ range: seen, scrollOffset, scrollElement }) => {
      // While there is no list yet, what was remembered holds.
      if (scrollElement !== null) rememberPlace(search, { offset: scrollOffset ?? 0 });
      const [from, to] = [seen?.startIndex ?? 0, seen?.endIndex ?? 0];
      setSight((before) => (before[0] === from && before[1] === to ? before : [from, to]));
    },
  });
  const take = (index: number) => {
    setSelected(index);
    rememberPlace(search, { selected: index });
  };
  const select = (index: number) => {
    take(index);
    rows.scrollToIndex(index, { align: "auto" });
  };
  useListKeys({ scroller, selected, total, select });
  const items = rows.getVirtualItems();
  const count = useMemo(() => (list.total === undefined ? "" : text.conversations.count(list.total)), [list.total]);

  if (list.error !== undefined) return <FailureNotice error={list.error} onRetry={list.retry} />;
  if (list.total === undefined) return <Loading />;
  if (total === 0) return <NothingListed search={search} onClear={onClear} />;
  return (
    <>
      <FeedNotice isLost={list.isLost} />
      <Text size="xs" c="dimmed" px="md" py={4} role="status">
        {count}
      </Text>
      <div ref={scroller} className={styles.scroller}>
        <ul aria-label={text.conversations.listLabel} className={styles.list} style={{ height: rows.getTotalSize() }}>
          {items.map(({ index, start }) => (
            <li
              key={index}
              className={styles.item}
              style={{ transform: `translateY(${start}px)`, height: ROW_HEIGHT }}
              aria-setsize={total}
              aria-posinset={index + 1}
            >
              <ConversationRow
                conversation={list.row(index)}
                index={index}
                isSelected={index === selected}
                onSelect={take}
              />
            </li>
          ))}
        </ul>
      </div>
    </>
  );
}

function NothingListed({ search, onClear }: { search: ListSearch; onClear: () => void }) {
  if (countFilters(search) === 0) {
    return <Empty title={text.conversations.empty}>{text.conversations.emptyHint}</Empty>;
  }
  return (
    <Empty title={text.conversations.noMatch}>
      <p>{text.conversations.noMatchHint}</p>
      <Button variant="default" size="xs" onClick={onClear}>
        {text.conversations.clear}
      </Button>
    </Empty>
  );
}
