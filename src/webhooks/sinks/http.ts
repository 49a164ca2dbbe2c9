// The sink of HTTP endpoints: signed requests by the Standard Webhooks specification.
import { errors } from "undici";
import { WebhookOutcome } from "../../../gen/colloquy/v1/webhook_pb.ts";
import { retryAfterOf } from "../../domain/webhooks/backoff.ts";
import { signedHeaders } from "../../domain/webhooks/signature.ts";
import type { AddressGuard } from "../../outbound/addresses.ts";
import { type BoundedPost, createBoundedPost } from "../../outbound/bounded-post.ts";
import { withoutCredentials } from "../../outbound/without-credentials.ts";
import { limitOf } from "./attempt-limit.ts";
import { AddressRefused } from "./refused.ts";
import { bodyOf, type Sink, type SinkResult } from "./sink.ts";
import { NOT_HTTP, troubleOf } from "./trouble.ts";

/** How much of a response is read. */
const ANSWER_BYTES = 4_096;

export interface HttpTarget {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The secrets that sign now. */
  readonly secrets: () => readonly string[];
  readonly timeoutMs: number;
}

export interface HttpSinks {
  sinkOf(target: HttpTarget): Sink;
  close(): Promise<void>;
}

export interface HttpSinksOptions {
  /** Which addresses may be connected to; undefined: any. */
  readonly guard: AddressGuard | undefined;
  readonly userAgent: string;
  /** Headers that go with each request, such as those of a trace. Default: none. */
  readonly extraHeaders?: (() => Readonly<Record<string, string>>) | undefined;
}

export function createHttpSinks({ guard, userAgent, extraHeaders }: HttpSinksOptions): HttpSinks {
  const poster = createBoundedPost(guard ?? {}, ANSWER_BYTES);
  return {
    sinkOf: (target) => ({
      send: (parcel, signal) => send(poster, { "user-agent": userAgent, ...extraHeaders?.() }, target, parcel, signal),
    }),
    close: () => poster.close(),
  };
}

async function send(
  poster: BoundedPost,
  own: Readonly<Record<string, string>>,
  { url, headers, secrets, timeoutMs }: HttpTarget,
  parcel: Parameters<Sink["send"]>[0],
  signal: AbortSignal,
): Promise<SinkResult> {
  const body = bodyOf(parcel);
  const limit = limitOf(signal, timeoutMs);
  try {
    const response = await poster.post({
      url: new URL(url),
      headers: {
        ...headers,
        "content-type": "application/json",
        ...own,
        ...signedHeaders(parcel.id, Math.floor(Date.now() / 1_000), body, secrets()),
      },
      body,
      signal: limit.signal,
    });
    const { status, start } = response;
    // PostgreSQL's text has no U+0000.
    const responseBody = withoutCredentials(start, [...Object.values(headers), ...secrets()]).replaceAll(
      "\0",
      "\ufffd",
    );
    if (status >= 200 && status < 300) return { outcome: WebhookOutcome.SUCCEEDED, status, error: "", responseBody };
    return {
      outcome: WebhookOutcome.REFUSED,
      status,
      error: `the endpoint answered with status ${status}${status >= 300 && status < 400 ? "; redirects are not followed" : ""}`,
      responseBody,
      retryAfterMs: retryAfterOf(response.header("retry-after"), Date.now()),
      gone: status === 410,
    };
  } catch (error) {
    signal.throwIfAborted();
    const nothing = { status: 0, responseBody: "" };
    if (limit.signal.aborted) {
      const seconds = timeoutMs / 1_000;
      return {
        ...nothing,
        outcome: WebhookOutcome.TIMED_OUT,
        error: `the endpoint did not answer within ${seconds} s`,
      };
    }
    if (error instanceof AddressRefused) {
      return { ...nothing, outcome: WebhookOutcome.ADDRESS_REFUSED, error: error.message };
    }
    return {
      ...nothing,
      outcome: WebhookOutcome.UNREACHABLE,
      error: `the endpoint ${error instanceof errors.HTTPParserError ? NOT_HTTP : troubleOf(error)}`,
    };
  } finally {
    limit.end();
  }
}
