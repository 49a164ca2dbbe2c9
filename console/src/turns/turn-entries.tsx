// The entries that a turn replied to, or added: their text, and the whole of each as JSON.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Button, Text } from "@mantine/core";
import { type Message, MessageKind, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Part } from "../../../gen/colloquy/v1/part_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { NEXT_PAGE } from "../api/paging.ts";
import { agentText } from "../strings/agents.ts";
import { text } from "../strings/en.ts";
import { ActorName } from "../ui/actor-name.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { RawJson } from "../ui/raw-json.tsx";
import { WholeTime } from "../ui/whole-time.tsx";
import { wordOf } from "../ui/word-of.ts";
import styles from "./turn-entries.module.css";

export interface TurnEntriesProps {
  readonly turnId: string;
  /** What it replied to, instead of what it added. */
  readonly isInput?: boolean;
  readonly refreshMs?: number;
}

export function TurnEntries({ turnId, isInput = false, refreshMs }: TurnEntriesProps) {
  const input = { turnId, input: isInput, pageSize: 100, pageToken: "" };
  const found = useInfiniteQuery(TurnService.method.listTurnEntries, input, {
    ...NEXT_PAGE,
    refetchInterval: refreshMs ?? false,
  });
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data === undefined) return <Loading />;
  const entries = found.data.pages.flatMap(({ messages }) => messages);
  if (entries.length === 0) return <Text c="dimmed">{agentText.turn.nothing}</Text>;
  return (
    <>
      <ol className={styles.list}>
        {entries.map((entry) => (
          <Entry key={entry.id} entry={entry} />
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

function Entry({ entry }: { entry: Message }) {
  const { kind, sender, createTime, content, parts } = entry;
  const isMessage = kind === MessageKind.MESSAGE || kind === MessageKind.UNSPECIFIED;
  const shown = content || parts.map(textOf).filter(Boolean).join("\n\n");
  return (
    <li className={styles.entry}>
      <div className={styles.head}>
        <span>{isMessage ? <ActorName actor={sender} /> : wordOf(MessageKind, kind, agentText.kinds)}</span>
        <WholeTime value={createTime} />
      </div>
      {shown !== "" && <p className={isMessage ? styles.content : styles.code}>{shown}</p>}
      <RawJson schema={MessageSchema} message={entry} />
    </li>
  );
}

/** What a part says, for reading at a glance; the JSON has all of it. */
function textOf({ content }: Part): string {
  switch (content.case) {
    case "text":
      return content.value.text ?? "";
    case "reasoning":
      return [content.value.text, ...content.value.summary].filter(Boolean).join("\n");
    case "toolCall":
      return `${content.value.name ?? ""} ${content.value.arguments ?? ""}`;
    case "toolResult": {
      const { output } = content.value;
      return output.case === "parts" ? output.value.parts.map(textOf).join("\n") : (output.value ?? "");
    }
    default:
      return content.case ?? "";
  }
}
