// Signals: what somebody is doing in a conversation right now. Its followers get them; they are never stored.
import type { JsonObject } from "@bufbuild/protobuf";

/** How long a signal holds, in milliseconds. */
export const SIGNAL_MS = 8_000;
/** Each actor may send one so often in a conversation, in milliseconds. */
export const SIGNAL_EVERY_MS = 2_000;

export interface Signal {
  readonly tenantId: string;
  readonly conversationId: string;
  /**
   * The end of the conversation's log when its sender was found to take part. Who follows must have read up to there.
   */
  readonly seq: bigint;
  readonly actor: string;
  readonly name: string;
  /** Empty: of no message in particular. */
  readonly threadId: string;
  readonly data: JsonObject | null;
  readonly ended: boolean;
  /** When it was sent, in milliseconds since 1970. */
  readonly time: number;
}

/** A signal as this server keeps it. */
export interface KeptSignal extends Signal {
  /** Later ones have higher numbers, in all conversations. */
  readonly number: number;
  /** In terms of `performance.now()`. */
  readonly expires: number;
}

/** Takes signals of one conversation, at the pace of its reader. */
export interface SignalTaker {
  /** False: no more for now. The same list is given to many. */
  take(signals: readonly KeptSignal[]): boolean;
}

type Line = readonly [
  tenantId: string,
  conversationId: string,
  seq: string,
  actor: string,
  name: string,
  threadId: string,
  ended: 0 | 1,
  time: number,
  data: JsonObject | null,
];

/** One line of text, for the transport to other servers. */
export function encodeSignal({
  tenantId,
  conversationId,
  seq,
  actor,
  name,
  threadId,
  ended,
  time,
  data,
}: Signal): string {
  const line: Line = [tenantId, conversationId, String(seq), actor, name, threadId, ended ? 1 : 0, time, data];
  return JSON.stringify(line);
}

/** Undefined: not in the format of this release. */
export function decodeSignal(text: string): Signal | undefined {
  try {
    const [tenantId, conversationId, seq, actor, name, threadId, ended, time, data] = JSON.parse(text) as Line;
    return { tenantId, conversationId, seq: BigInt(seq), actor, name, threadId, ended: ended === 1, time, data };
  } catch {
    return undefined;
  }
}
