// How many messages of others came while the reader was further up in the log.
import { useEffect, useState } from "react";
import { ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import type { Event } from "../../../gen/colloquy/v1/event_pb.ts";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";

export interface News {
  readonly count: number;
  /** Takes entries of the feed. */
  take(events: readonly Event[]): void;
}

const NONE: ReadonlySet<string> = new Set();

/** @param isAtLatest whether the end of the log is in sight */
export function useNews(isAtLatest: boolean, ownId: string): News {
  const [ids, setIds] = useState(NONE);
  useEffect(() => {
    if (isAtLatest) setIds(NONE);
  }, [isAtLatest]);
  return {
    count: isAtLatest ? 0 : ids.size,
    take(events) {
      const sent = isAtLatest ? [] : sentByOthers(events, ownId);
      // After a break the feed sends some again.
      if (sent.length > 0) setIds((before) => new Set([...before, ...sent]));
    },
  };
}

export function sentByOthers(events: readonly Event[], ownId: string): readonly string[] {
  return events.flatMap(({ change }) => {
    if (change.case !== "messageSent" || change.value.kind !== MessageKind.MESSAGE) return [];
    const { id, sender } = change.value;
    return sender?.type === ActorType.MEMBER && sender.id === ownId ? [] : id;
  });
}
