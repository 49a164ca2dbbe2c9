// The log of a conversation: opens at its end or at a message, reads on in both directions, and follows what happens.
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { DeletedFilter } from "../../../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { Event } from "../../../../gen/colloquy/v1/event_pb.ts";
import { type Message, MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { useServices } from "../../app/services.ts";
import { useThrottled } from "../../ui/use-throttled.ts";
import { changesOf } from "./log-changes.ts";
import { EMPTY, type LogWindow, withEarlier, withLater, withMessages } from "./log-window.ts";

/** Messages that one read brings. */
export const PAGE = 50;
/** How often what changes all the time is read again, in milliseconds. */
const REFRESH_MS = 300;
/** Stands for the first message, where the log is opened at a message. No id is such a word. */
export const BEGINNING = "start";
/** All kinds of entries: the log as it is. */
const KINDS = Object.values(MessageKind).filter((kind) => kind !== MessageKind.UNSPECIFIED);

export interface LogState extends LogWindow {
  readonly isLoaded: boolean;
  readonly error: unknown;
  /** What the log was to be opened at, where that is not in it: it is open at its end then. */
  readonly missing: string | undefined;
}

export interface Log extends LogState {
  loadEarlier(): Promise<void>;
  loadLater(): Promise<void>;
  /** Goes to the end. */
  reload(): void;
  /** Takes what a call returned, without waiting for the feed. */
  put(message: Message): void;
  /** Takes entries of the feed. */
  take(events: readonly Event[]): void;
}

/**
 * @param at the id of a message to open the log at, or `BEGINNING`. Default: its end
 * @param isReady whether it may be read: the place is known from which it is followed, so that nothing is missed
 * between
 */
export function useLog(conversationId: string, at: string | undefined, isReady: boolean): Log {
  const { transport } = useServices();
  const client = useMemo(() => createClient(MessageService, transport), [transport]);
  const [state, setState] = useState<LogState>({ ...EMPTY, isLoaded: false, error: undefined, missing: undefined });
  const change = useCallback((next: (window: LogWindow) => LogWindow) => {
    setState((before) => ({ ...before, ...next(before) }));
  }, []);

  const read = useCallback(
    async (order: MessageOrder, bounds: { afterSeq?: bigint; beforeSeq?: bigint }) => {
      const request = {
        conversationId,
        pageSize: PAGE,
        order,
        kinds: KINDS,
        deleted: DeletedFilter.INCLUDE,
        ...bounds,
      };
      const { messages, nextPageToken } = await client.listMessages(request);
      return { messages, hasMore: nextPageToken !== "" };
    },
    [client, conversationId],
  );
  const readAround = useCallback(
    async (messageId: string | undefined): Promise<LogWindow> => {
      if (messageId === undefined) {
        const { messages, hasMore } = await read(MessageOrder.NEWEST_FIRST, {});
        return withEarlier(EMPTY, messages, hasMore);
      }
      if (messageId === BEGINNING) {
        const { messages, hasMore } = await read(MessageOrder.OLDEST_FIRST, {});
        return withLater(EMPTY, messages, hasMore);
      }
      const { message } = await client.getMessage({ messageId, conversationId, deleted: DeletedFilter.INCLUDE });
      const seq = message?.seq ?? 0n;
      const [earlier, later] = await Promise.all([
        read(MessageOrder.NEWEST_FIRST, { beforeSeq: seq + 1n }),
        read(MessageOrder.OLDEST_FIRST, { afterSeq: seq }),
      ]);
      return withLater(withEarlier(EMPTY, earlier.messages, earlier.hasMore), later.messages, later.hasMore);
    },
    [client, conversationId, read],
  );
  const latest = useRef(0);
  const open = useCallback(
    async (messageId: string | undefined) => {
      const own = ++latest.current;
      try {
        const around = await readAround(messageId).catch((error) => refusedMessage(messageId, error));
        const isThere = around !== undefined && isIn(around, messageId);
        const window = isThere ? around : await readAround(undefined);
        if (own !== latest.current) return;
        setState(({ missing }) => {
          const now = isThere ? (messageId === undefined ? missing : undefined) : messageId;
          return { ...window, isLoaded: true, error: undefined, missing: now };
        });
      } catch (error) {
        if (own === latest.current) setState((before) => ({ ...before, error }));
      }
    },
    [readAround],
  );
  useEffect(() => {
    if (isReady) void open(at);
  }, [open, at, isReady]);

  const put = useCallback((message: Message) => change((window) => withMessages(window, [message])), [change]);
  const stale = useRef(new Set<string>());
  // One after the other: somebody may react to every message on the page.
  const refresh = useThrottled(async () => {
    const ids = state.messages.filter(({ id }) => stale.current.has(id)).map(({ id }) => id);
    stale.current.clear();
    for (const messageId of ids) {
      const request = { messageId, conversationId, deleted: DeletedFilter.INCLUDE };
      // It was purged, or the connection is lost: what is read next tells.
      const { message } = await client.getMessage(request).catch(() => ({ message: undefined }));
      if (message !== undefined) put(message);
    }
  }, REFRESH_MS);
  const toEnd = useThrottled(() => open(undefined), REFRESH_MS);

  const first = state.messages[0]?.seq;
  const last = state.messages.at(-1)?.seq;
  return {
    ...state,
    reload: toEnd,
    put,
    async loadEarlier() {
      if (first === undefined) return;
      const { messages, hasMore } = await read(MessageOrder.NEWEST_FIRST, { beforeSeq: first });
      change((window) => withEarlier(window, messages, hasMore));
    },
    async loadLater() {
      if (last === undefined) return;
      const { messages, hasMore } = await read(MessageOrder.OLDEST_FIRST, { afterSeq: last });
      change((window) => withLater(window, messages, hasMore));
    },
    take(events) {
      const { messages, ids, isOther } = changesOf(events);
      if (isOther) return toEnd();
      if (messages.length > 0) change((window) => withMessages(window, messages));
      if (ids.size === 0) return;
      for (const id of ids) stale.current.add(id);
      refresh();
    },
  };
}

/** Throws what failed, unless it is that there is no such message, or none that the caller may see. */
function refusedMessage(messageId: string | undefined, error: unknown): undefined {
  const { code } = ConnectError.from(error);
  const isRefused = code === Code.NotFound || code === Code.InvalidArgument || code === Code.PermissionDenied;
  if (messageId === undefined || messageId === BEGINNING || !isRefused) throw error;
}

/** A message of another branch exists, and is not in the log. */
function isIn({ messages }: LogWindow, messageId: string | undefined): boolean {
  return messageId === undefined || messageId === BEGINNING || messages.some(({ id }) => id === messageId);
}
