// Server-sent events as the front ends write them: each one line of JSON, without a name or an id.
import type { CallContext } from "../../pipeline/call/call.ts";
import { STREAM_HEADERS } from "../../pipeline/streams/heartbeat.ts";
import { EVENTS_TYPE } from "../../protocols/rest/binding/media.ts";

/** A piece of a raw response. */
export interface Piece {
  readonly body: { readonly contentType: string; readonly data: Uint8Array };
}

/** An event that holds a value. */
export function eventOf(value: unknown): Piece {
  return pieceOf(`data: ${JSON.stringify(value)}\n\n`);
}

/** What keeps a silent connection alive: a comment, which clients skip. */
export const COMMENT: Piece = pieceOf(":\n\n");

export function pieceOf(text: string): Piece {
  return { body: { contentType: EVENTS_TYPE, data: Buffer.from(text) } };
}

export function setStreamHeaders(context: CallContext): void {
  for (const [name, value] of Object.entries(STREAM_HEADERS)) context.setHeader(name, value);
}
