// The log of a conversation: opens at its end or at a message, reads on in both directions, and follows what happens.
import { createClient } from "@connectrpc/connect";
import { useCallback, useEffect, useMemo, useState } from "react";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { Event } from "../../../gen/colloquy/v1/event_pb.ts";
import { type Message, MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { useServices } from "../app/services.ts";
import { EMPTY, type LogWindow, withEarlier, withLater, withMessage } from "./log-window.ts";

const PAGE = 50;
/** All kinds of entries: the log as it is. */
const KINDS = Object.values(MessageKind).filter((kind) => kind !== MessageKind.UNSPECIFIED);

export interface LogState extends LogWindow {
  readonly isLoaded: boolean;
  readonly error: unknown;
}

export interface Log extends LogState {
  loadEarlier(): Promise<void>;
  loadLater(): Promise<void>;
  /** Goes to the end. */
  reload(): void;
  /** Takes what a call returned, without waiting for the feed. */
  put(message: Message): void;
  /** Reads a message again. */
  refresh(messageId: string): void;
  /** Takes an entry of the feed. False: it says nothing of messages. */
  take(event: Event): boolean;
}

/**
 * @param at the id of a message to open the log at. Default: its end
 * @param isReady whether it may be read: the place is known from which it is followed, so that nothing is missed
 * between
 */
export function useLog(conversationId: string, at: string | undefined, isReady: boolean): Log {
  const { transport } = useServices();
  const client = useMemo(() => createClient(MessageService, transport), [transport]);
  const [state, setState] = useState<LogState>({ ...EMPTY, isLoaded: false, error: undefined });
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
  const open = useCallback(
    (messageId: string | undefined) => {
      let isCurrent = true;
      readAround(messageId).then(
        (window) => isCurrent && setState({ ...window, isLoaded: true, error: undefined }),
        (error: unknown) => isCurrent && setState((before) => ({ ...before, error })),
      );
      return () => {
        isCurrent = false;
      };
    },
    [readAround],
  );
  useEffect(() => (isReady ? open(at) : undefined), [open, at, isReady]);

  const refresh = useCallback(
    (messageId: string) => {
      client.getMessage({ messageId, conversationId, deleted: DeletedFilter.INCLUDE }).then(
        ({ message }) => message && change((window) => withMessage(window, message)),
        // It was purged, or the connection is lost: what is read next tells.
        () => {},
      );
    },
    [client, conversationId, change],
  );

  const first = state.messages[0]?.seq;
  const last = state.messages.at(-1)?.seq;
  return {
    ...state,
    refresh,
    reload: () => void open(undefined),
    put: (message) => change((window) => withMessage(window, message)),
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
    take(event) {
      const changed = changedBy(event);
      // The message that it replies to counts one more.
      if (event.change.case === "messageSent" && event.change.value.replyTo !== "") refresh(event.change.value.replyTo);
      if (changed === undefined) return false;
      if (changed === "all") open(undefined);
      else if (typeof changed === "string") refresh(changed);
      else change((window) => withMessage(window, changed));
      return true;
    },
  };
}

/** A message as it is now, the id of one to read again, or that all may have changed. */
function changedBy({ change }: Event): Message | string | "all" | undefined {
  switch (change.case) {
    case "messageSent":
      // One that follows an earlier entry begins another branch.
      return change.value.parentId === "" ? change.value : "all";
    case "messageEdited":
    case "messageRestored":
      return change.value.message?.id;
    case "messageDeleted":
    case "reactionAdded":
    case "reactionRemoved":
      return change.value.messageId;
    case "allMessagesDeleted":
    case "allMessagesRestored":
    case "branchSelected":
      return "all";
    default:
      return undefined;
  }
}
