// One conversation: its log, live, and where one writes.
import { createConnectQueryKey, useQuery } from "@connectrpc/connect-query";
import { Badge, Button, Group, Title } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { Event } from "../../../gen/colloquy/v1/event_pb.ts";
import { MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { useLiveFeed } from "../api/live-feed.ts";
import { useAccess } from "../auth/use-access.ts";
import { lastList } from "../conversations/last-list.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { FeedNotice } from "../ui/feed-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { useTabTitle } from "../ui/tab-title.ts";
import { Time } from "../ui/time.tsx";
import { useThrottled } from "../ui/use-throttled.ts";
import { Composer } from "./composer/composer.tsx";
import styles from "./conversation-page.module.css";
import { DeletedConversation } from "./deleted-conversation.tsx";
import { changesOf } from "./log/log-changes.ts";
import { MessageLog } from "./log/message-log.tsx";
import { BEGINNING, useLog } from "./log/use-log.ts";
import { MissingMessage } from "./missing-message.tsx";
import { OutsideNotice } from "./outside-notice.tsx";
import { placedReaders } from "./read-marks.ts";
import { StopTurn } from "./turn/stop-turn.tsx";
import { placedFailures } from "./turn/turn-failures.ts";
import { TurnView } from "./turn/turn-view.tsx";
import { useTurn } from "./turn/use-turn.ts";
import { UnreadConversation } from "./unread-conversation.tsx";
import { useNews } from "./use-news.ts";
import { useMarkRead, useReadMarks } from "./use-reading.ts";

const route = getRouteApi("/shell/conversations/$conversationId");
const words = text.conversation;
/** How often what surrounds the log is read again where it changes all the time, in milliseconds. */
const REFRESH_MS = 1_000;
const AROUND = [
  createConnectQueryKey({ schema: ConversationService.method.getConversation, cardinality: "finite" }),
  createConnectQueryKey({ schema: ParticipantService.method.listReadMarks, cardinality: "finite" }),
];
const Details = lazy(() => import("./details.tsx"));

export function ConversationPage() {
  const { conversationId } = route.useParams();
  // Another conversation is another page: nothing of this one may stay.
  return <OneConversation key={conversationId} conversationId={conversationId} />;
}

function OneConversation({ conversationId }: { conversationId: string }) {
  const { at: wanted } = route.useSearch();
  const navigate = route.useNavigate();
  const queries = useQueryClient();
  const request = { conversationId, deleted: DeletedFilter.INCLUDE };
  const found = useQuery(ConversationService.method.getConversation, request, { staleTime: 0 });
  const conversation = found.data?.conversation;
  const title = conversation && (conversation.title || text.conversations.untitled);
  useTabTitle(found.isError ? words.unread.title : title);
  const isDeleted = conversation?.deleteTime !== undefined;
  // The log is followed from where it was before it is read: what came in between is sent again, and changes nothing.
  const [begin, setBegin] = useState<bigint>();
  useEffect(() => setBegin((before) => before ?? conversation?.lastSeq), [conversation?.lastSeq]);
  const isReadable = begin !== undefined && !isDeleted;
  const log = useLog(conversationId, wanted, isReadable);
  const isMissing = wanted !== undefined && log.missing === wanted;
  const at = isMissing ? undefined : wanted;
  const turn = useTurn(conversationId, log.put);
  const access = useAccess();
  const marks = useReadMarks(conversationId, isReadable);
  const { messages, hasLater } = log;
  const readers = useMemo(
    () => placedReaders(marks, { messages, hasLater, ownId: access.memberId }),
    [marks, messages, hasLater, access.memberId],
  );
  const failures = useMemo(
    () => placedFailures(turn.ended, messages, turn.running?.turn),
    [turn.ended, messages, turn.running?.turn],
  );
  const [isShowingDetails, setIsShowingDetails] = useState(false);
  const refresh = useThrottled(
    () => Promise.all(AROUND.map((queryKey) => queries.invalidateQueries({ queryKey }))),
    REFRESH_MS,
  );
  const [isAtLatest, setIsAtLatest] = useState(true);
  const news = useNews(isAtLatest, access.memberId);
  const [sends, setSends] = useState(0);
  const onEvents = (events: readonly Event[]) => {
    log.take(events);
    news.take(events);
    if (changesOf(events).hasMore) refresh();
    if (conversation?.agent !== "" && events.some(isFromUser)) turn.look();
  };
  const feed = useLiveFeed({
    conversationId,
    afterSeq: begin,
    onEvents,
    onGap() {
      // What the caller may see, and what the tenant notes of it, may be another.
      void queries.invalidateQueries();
      if (isReadable && !log.hasLater) log.reload();
    },
  });
  useMarkRead(
    conversationId,
    conversation?.memberView?.participating === true && isAtLatest && !log.hasLater,
    log.messages.at(-1)?.seq,
  );
  const { reload } = log;
  const open = useCallback(
    (messageId: string | undefined) => {
      if (messageId === undefined && wanted === undefined) reload();
      void navigate({ search: messageId === undefined ? {} : { at: messageId } });
    },
    [wanted, reload, navigate],
  );

  if (found.isError) return <UnreadConversation error={found.error} onRetry={() => void found.refetch()} />;
  if (conversation === undefined) return <Loading />;
  const isOpen = conversation.status !== ConversationStatus.CLOSED && !isDeleted;
  const retry = (failed: Turn) => void turn.again(failed).catch(() => {});
  return (
    <div className={styles.page}>
      <header className={styles.header}>
        <Link to="/conversations" search={lastList()} className={styles.back} aria-label={words.back}>
          ←
        </Link>
        <Title order={1} size="h5" className={styles.title} dir="auto">
          {title}
        </Title>
        {conversation.origin !== undefined && (
          <Badge variant="default" tt="none" style={{ flexShrink: 0 }}>
            {words.fork} <Time value={conversation.createTime} withClock />
          </Badge>
        )}
        {isDeleted && <Badge color="red">{text.conversations.deleted}</Badge>}
        {conversation.status === ConversationStatus.CLOSED && <Badge variant="default">{words.closed}</Badge>}
        <Group gap="xs" ml="auto" wrap="nowrap" className={styles.actions}>
          {log.hasEarlier && (
            <Button
              variant="subtle"
              size="xs"
              aria-label={words.beginning}
              title={words.beginningHint}
              onClick={() => open(BEGINNING)}
            >
              {words.beginningShort}
            </Button>
          )}
          <Button variant="default" size="xs" onClick={() => setIsShowingDetails(true)}>
            {words.details}
          </Button>
        </Group>
      </header>
      <OutsideNotice conversation={conversation} />
      <FeedNotice isLost={feed.isLost && !isDeleted} />
      {isMissing && !isDeleted && <MissingMessage onDrop={() => open(undefined)} />}
      {isDeleted && <DeletedConversation conversationId={conversationId} />}
      {!isDeleted && log.error !== undefined && <FailureNotice error={log.error} onRetry={log.reload} />}
      {!isDeleted && log.isLoaded && (
        <MessageLog
          log={log}
          at={at}
          readers={readers}
          failures={failures}
          onRetry={isOpen && access.may("writer") ? retry : undefined}
          onOpen={open}
          news={news.count}
          onSight={setIsAtLatest}
          sends={sends}
        >
          <TurnView control={turn} />
        </MessageLog>
      )}
      {!isDeleted && !log.isLoaded && (
        // As high as the log will be, so that what stands below it does not move.
        <div className={styles.rest}>{log.error === undefined && <Loading />}</div>
      )}
      {isOpen && (
        <Composer
          conversationId={conversationId}
          agent={conversation.agent}
          turn={turn}
          messages={messages}
          onSent={log.put}
          onArrived={() => setSends((before) => before + 1)}
        />
      )}
      {!isOpen && !isDeleted && <StopTurn control={turn} isAlone />}
      <Suspense>
        {isShowingDetails && <Details conversation={conversation} onClose={() => setIsShowingDetails(false)} />}
      </Suspense>
    </div>
  );
}

function isFromUser({ change }: Event): boolean {
  return change.case === "messageSent" && change.value.role === MessageRole.USER;
}
