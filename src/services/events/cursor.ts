// Cursors of a tenant's feed as texts.
import { type FeedCursor, MAX_SEQ } from "../../live/followers/follow-feed.ts";

/** What {@link formatCursor} wrote: digits, and perhaps a dot and digits. */
export function parseCursor(text: string): FeedCursor {
  const [position = "", seq] = text.split(".");
  return { position: BigInt(position), seq: seq === undefined ? MAX_SEQ : BigInt(seq) };
}

export function formatCursor({ position, seq }: FeedCursor): string {
  return seq === MAX_SEQ ? String(position) : `${position}.${seq}`;
}
