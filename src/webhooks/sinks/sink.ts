// The interface of all kinds of receivers.
import type { WebhookOutcome } from "../../../gen/colloquy/v1/webhook_pb.ts";

/** An event to be sent. */
export interface SinkEvent {
  /** The same in every attempt: receivers drop repeats by it. */
  readonly id: string;
  /** The kind, such as `message.sent`. */
  readonly name: string;
  /** Empty: it is of no conversation. */
  readonly conversationId: string;
  /** The event in JSON. */
  readonly json: string;
}

/** What is sent at once, and taken or not as a whole. */
export interface Parcel {
  readonly id: string;
  readonly events: readonly SinkEvent[];
  /** Whether the receiver expects a list, also of one. */
  readonly batch: boolean;
}

export interface SinkResult {
  readonly outcome: WebhookOutcome;
  /** 0: there was no response, or the receiver knows no status. */
  readonly status: number;
  /** What went wrong, without content and credentials. Empty: nothing. */
  readonly error: string;
  /** The beginning of the response. */
  readonly responseBody: string;
  /** How long the receiver wants to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
  /** Whether the receiver says that it is gone for good. */
  readonly gone?: boolean;
}

export interface Sink {
  /** Sends once. Never rejects, unless `signal` aborts. */
  send(parcel: Parcel, signal: AbortSignal): Promise<SinkResult>;
  /** Closes what is open for this receiver alone. */
  close?(): Promise<void>;
}

/** The body of a parcel: an `Event`, or an `EventBatch`. */
export function bodyOf({ events, batch }: Parcel): string {
  const texts = events.map(({ json }) => json);
  return batch ? `{"events":[${texts.join(",")}]}` : (texts[0] ?? "");
}
