// The entries that a turn replied to, or added: their text, and the whole of each as JSON.
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Button, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import { type Message, MessageKind, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { NEXT_PAGE } from "../api/paging.ts";
import { type ToolNames, toolNamesOf } from "../conversation/message/tool-names.ts";
import { agentText } from "../strings/agents.ts";
import { text } from "../strings/en.ts";
import { ActorName } from "../ui/actor-name.tsx";
import { msBetween, span } from "../ui/amounts.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { RawJson } from "../ui/raw-json.tsx";
import { WholeTime } from "../ui/whole-time.tsx";
import { wordOf } from "../ui/word-of.ts";
import { partInWords } from "./part-words.ts";
import styles from "./turn-entries.module.css";
import { hasEnded } from "./turn-words.tsx";

/** How often a turn that has not ended is read again. */
export const REFRESH_MS = 1_500;

export interface TurnEntriesProps {
  readonly turn: Turn;
  /** What it replied to, instead of what it added. */
  readonly isInput?: boolean;
}

export function TurnEntries({ turn, isInput = false }: TurnEntriesProps) {
  const input = { turnId: turn.id, input: isInput, pageSize: 100, pageToken: "" };
  const isGrowing = !isInput && !hasEnded(turn);
  const found = useInfiniteQuery(TurnService.method.listTurnEntries, input, {
    ...NEXT_PAGE,
    refetchInterval: isGrowing ? REFRESH_MS : false,
  });
  useLastLook(isGrowing, found.refetch);
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  const entries = found.data.pages.flatMap(({ messages }) => messages);
  const tools = toolNamesOf(entries);
  if (entries.length === 0) return <Text c="dimmed">{agentText.turn.nothing}</Text>;
  return (
    <>
      <ol className={styles.list}>
        {entries.map((entry) => (
          <Entry key={entry.id} entry={entry} tools={tools} since={isInput ? undefined : turn.startTime} />
        ))}
      </ol>
      {found.hasNextPage && (
        <Button mt="md" variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
          {text.common.more}
        </Button>
      )}
    </>
  );
}

/** The end of a turn is stored together with its last entries, which the look before it did not find. */
function useLastLook(isGrowing: boolean, look: () => Promise<unknown>) {
  const wasGrowing = useRef(isGrowing);
  useEffect(() => {
    if (wasGrowing.current && !isGrowing) void look();
    wasGrowing.current = isGrowing;
  }, [isGrowing, look]);
}

interface EntryProps {
  readonly entry: Message;
  readonly tools: ToolNames;
  /** When the turn began, for what it added. */
  readonly since: Timestamp | undefined;
}

function Entry({ entry, tools, since }: EntryProps) {
  const { kind, sender, createTime, content, parts } = entry;
  const isMessage = kind === MessageKind.MESSAGE || kind === MessageKind.UNSPECIFIED;
  const said = parts.map((part) => partInWords(part, (id) => tools.get(id)));
  const shown = content || said.filter(Boolean).join("\n\n");
  const after = msBetween(since, createTime);
  return (
    <li className={styles.entry}>
      <div className={styles.head}>
        <span>{isMessage ? <ActorName actor={sender} /> : wordOf(MessageKind, kind, agentText.kinds)}</span>
        <WholeTime value={createTime} />
        {after !== undefined && after >= 0 && <span>{agentText.turn.after(span(after))}</span>}
      </div>
      {shown !== "" && <p className={isMessage ? styles.content : styles.code}>{shown}</p>}
      <RawJson schema={MessageSchema} message={entry} />
    </li>
  );
}
