// The log on the page: opens at its end, stays there while it grows, and reads on where one scrolls.
import { Button } from "@mantine/core";
import {
  type KeyboardEvent,
  type ReactNode,
  type RefObject,
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useMemo,
  useRef,
} from "react";
import type { Turn } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../../strings/en.ts";
import { Empty } from "../../ui/empty.tsx";
import { MessageItem } from "../message/message-item.tsx";
import { ToolNamesContext, toolNamesOf } from "../message/tool-names.ts";
import { MAX_MESSAGES } from "./log-window.ts";
import styles from "./message-log.module.css";
import { useFollowEnd } from "./use-follow-end.ts";
import { BEGINNING, type Log, PAGE } from "./use-log.ts";
import { useLogKeys } from "./use-log-keys.ts";

const words = text.conversation;

export interface MessageLogProps {
  readonly log: Log;
  readonly at: string | undefined;
  /** By the place in the log that they have read up to. */
  readonly readers: ReadonlyMap<bigint, readonly string[]>;
  /** The turns that failed, by the message that each stands below. */
  readonly failures: ReadonlyMap<string, Turn>;
  /** Undefined: the reader may not have a turn repeated. */
  readonly onRetry: ((turn: Turn) => void) | undefined;
  readonly onOpen: (messageId: string | undefined) => void;
  /** Messages of others that came while the end was out of sight. */
  readonly news: number;
  /** Told whether the end of the log is in sight. */
  readonly onSight: (isAtLatest: boolean) => void;
  /** How many messages were sent from here: after each the end is shown. */
  readonly sends: number;
  /** What comes after the last message, such as a reply that is being written. */
  readonly children: ReactNode;
}

export function MessageLog({ log, at, readers, failures, onRetry, onOpen, children, ...ends }: MessageLogProps) {
  const { news, onSight, sends } = ends;
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  useStayBehindEarlier(scroller, log.messages[0]?.id);
  const last = log.messages.at(-1);
  const isThere = at === BEGINNING ? !log.hasEarlier : log.messages.some(({ id }) => id === at);
  const end = useFollowEnd({ scroller, content, at, isThere });
  const edges = useEdges(log, scroller, end.isInSight);
  const ids = useMemo(() => log.messages.map(({ id }) => id), [log.messages]);
  const keys = useLogKeys(scroller, ids, at);
  const tools = useMemo(() => toolNamesOf(log.messages), [log.messages]);
  const onKeyDown = (event: KeyboardEvent) => {
    keys.onKeyDown(event);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isOfMessage = event.target instanceof Element && event.target.matches("[data-message]");
    // Below the last message may stand a reply that is being written, and the browser's own way there ends where the end was.
    if (event.key === "End" && !log.hasLater && (isOfMessage || event.target === event.currentTarget)) {
      event.preventDefault();
      end.go();
      return;
    }
    if (event.target !== event.currentTarget) return;
    const isFar = event.key === "Home" ? log.hasEarlier : event.key === "End" && log.hasLater;
    if (!isFar) return;
    event.preventDefault();
    onOpen(event.key === "Home" ? BEGINNING : undefined);
  };
  const isAtLatest = end.isInSight && !log.hasLater;
  useEffect(() => onSight(isAtLatest), [onSight, isAtLatest]);
  const toEnd = () => {
    if (log.hasLater || at !== undefined) onOpen(undefined);
    else end.go();
  };
  const follow = useEffectEvent(() => {
    if (!isAtLatest) toEnd();
  });
  useEffect(() => {
    if (sends > 0) follow();
  }, [sends]);
  const toLatest = () => {
    toEnd();
    // The button leaves the page, with the focus.
    scroller.current?.focus({ preventScroll: true });
  };
  return (
    <div
      ref={scroller}
      className={styles.scroller}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must scroll with the keyboard too
      tabIndex={0}
      role="log"
      aria-label={words.log}
      onKeyDown={onKeyDown}
      onClickCapture={end.onClick}
      onFocus={keys.onFocus}
    >
      <div ref={content}>
        {log.hasEarlier && (
          <Button ref={edges.earlier} variant="subtle" size="xs" fullWidth onClick={() => void log.loadEarlier()}>
            {words.earlier}
          </Button>
        )}
        {log.messages.length === 0 && <Empty title={words.empty}>{words.emptyHint}</Empty>}
        <ToolNamesContext value={tools}>
          <ol className={styles.list}>
            {log.messages.map((message) => (
              <MessageItem
                key={message.id}
                message={message}
                isTarget={message.id === at}
                isActive={message.id === keys.activeId}
                readers={readers.get(message.seq) ?? NOBODY}
                onChange={log.put}
                failure={failures.get(message.id)}
                // What follows would leave the log.
                onRetry={message === last && !log.hasLater ? onRetry : undefined}
              />
            ))}
          </ol>
        </ToolNamesContext>
        {log.hasLater && (
          <Button ref={edges.later} variant="subtle" size="xs" fullWidth onClick={() => void log.loadLater()}>
            {words.later}
          </Button>
        )}
        {!isAtLatest && (
          <Button className={styles.latest} size="xs" onClick={toLatest}>
            {news === 0 ? words.latest : words.latestNew(news)}
          </Button>
        )}
        {!log.hasLater && children}
      </div>
    </div>
  );
}

const NOBODY: readonly string[] = [];

/**
 * Reads on when the button that stands for the rest comes into sight: where both ends of what is there are in sight, as
 * long as nothing has to be let go at the end for it.
 */
function useEdges(log: Log, scroller: RefObject<HTMLElement | null>, isEndInSight: boolean) {
  const earlier = useRef<HTMLButtonElement>(null);
  const later = useRef<HTMLButtonElement>(null);
  const first = log.messages[0]?.id;
  const last = log.messages.at(-1)?.id;
  const readsEarlier = !isEndInSight || log.hasLater || log.messages.length + PAGE <= MAX_MESSAGES;
  // biome-ignore lint/correctness/useExhaustiveDependencies: watched anew where the window has moved
  useEffect(() => {
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (!isIntersecting) continue;
          observer.unobserve(target);
          void (target === earlier.current ? log.loadEarlier() : log.loadLater()).catch(() => {});
        }
      },
      { root: scroller.current, rootMargin: "300px" },
    );
    const edges = [readsEarlier ? earlier.current : null, later.current];
    for (const edge of edges) if (edge !== null) observer.observe(edge);
    return () => observer.disconnect();
  }, [first, last, readsEarlier, log.hasEarlier, log.hasLater]);
  return { earlier, later };
}

/**
 * Browsers keep the place when something comes above it, but not at the very top: there everything earlier would be
 * read.
 */
function useStayBehindEarlier(scroller: RefObject<HTMLElement | null>, firstId: string | undefined): void {
  const before = useRef({ firstId, height: 0 });
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const { firstId: was, height } = before.current;
    const isAtTop = element.scrollTop < 1;
    if (was !== undefined && was !== firstId && isAtTop) element.scrollTop = element.scrollHeight - height;
    before.current = { firstId, height: element.scrollHeight };
  });
}
