// Sends a stream of messages at the reader's pace.
import type { ServerResponse } from "node:http";
import type { Message } from "@bufbuild/protobuf";
import { type PushSink, pushAll } from "../../../pipeline/streams/push-stream.ts";
import { gone, type Headers, type HttpResponse, writeHead } from "../../http/response.ts";
import { BodySink } from "../../http/stream/body-sink.ts";
import { BodyWriter } from "../../http/stream/body-writer.ts";
import { pieceOf } from "../../http/stream/shared-frames.ts";
import type { StreamFormat } from "./events.ts";

export interface StreamTimes {
  /** A stream that is silent so long gets a heartbeat, again and again. */
  readonly heartbeatMs: number;
  /**
   * A stream without a first message so long sends its headers alone, unless its source asked for them before. Until
   * then a failure has a status of its own.
   */
  readonly openAfterMs: number;
}

export interface StreamResponse {
  readonly response: HttpResponse;
  readonly format: StreamFormat;
  /** Asked for when the headers are sent. */
  status(): number;
  /** The response headers, read when they are sent. */
  headers(): Headers;
  readonly times: StreamTimes;
  /** Settles when the source says that the headers may go out, though it has no message yet. */
  readonly flushed: Promise<void>;
  /** Send the headers only: the response to HEAD. */
  readonly headOnly: boolean;
  /** Gives the body of a failure that comes once the headers are out. */
  renderError(error: unknown): unknown;
}

/** The reader disconnected before the end. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/**
 * Sends every message. Throws what the source throws while nothing is sent yet, and {@link ReaderGone}; a later failure
 * of the source is sent as the last event and gives false.
 */
export async function sendStream(messages: AsyncIterable<Message>, answer: StreamResponse): Promise<boolean> {
  const { response, format, times } = answer;
  const reader = watchReader(response);
  const headSent = Promise.withResolvers<void>();
  let body: BodyWriter | undefined;
  let errorForm: ReturnType<StreamFormat["errorForm"]>;
  let heartbeat: NodeJS.Timeout | undefined;
  const open = (first?: Message): BodyWriter => {
    if (body === undefined) {
      body = begin(answer, first);
      errorForm = format.errorForm(first);
      if (answer.headOnly) headSent.resolve();
      else if (format.heartbeat !== undefined) heartbeat = keepAlive(body, format.heartbeat, times.heartbeatMs);
    }
    return body;
  };
  const openEarly = () => {
    if (body === undefined && !gone(response)) open();
  };
  const late = format.needsFirst ? undefined : setTimeout(openEarly, times.openAfterMs);
  if (!format.needsFirst) void answer.flushed.then(openEarly);
  const whole = new BodySink(format.frames, open, reader.signal);
  const sink: PushSink<Message> = {
    signal: reader.signal,
    room: () => whole.room(),
    put(some) {
      if (answer.headOnly) {
        open(some[0]);
        return false;
      }
      heartbeat?.refresh();
      return whole.put(some);
    },
  };
  try {
    await Promise.race([pushAll(messages, sink), headSent.promise, reader.gone]);
    open();
    end(response);
    return true;
  } catch (error) {
    if (body === undefined || error instanceof ReaderGone) throw error;
    const failure = answer.renderError(error);
    const last = errorForm?.(failure);
    // If the format cannot express a failure, aborting the stream is the only way to report it.
    if (last === undefined) response.destroy();
    else end(response, last);
    return false;
  } finally {
    clearTimeout(late);
    clearTimeout(heartbeat);
    await whole.close();
    // A source that is still at work stops; one that hangs is not waited for.
    reader.release();
  }
}

/** Sends the headers at once: behind them the body goes past the response into its socket. */
function begin({ response, format, status, headers }: StreamResponse, first: Message | undefined): BodyWriter {
  if (gone(response)) throw new ReaderGone();
  const all = headers();
  format.head(all, first);
  writeHead(response, status(), all);
  (response as ServerResponse).flushHeaders();
  return BodyWriter.ofResponse(response);
}

function end(response: HttpResponse, last?: string): void {
  if (!response.writableEnded && !response.destroyed) (response as ServerResponse).end(last);
}

/** Writes a heartbeat whenever the time has passed since the last refresh, unless the reader is behind anyway. */
function keepAlive(body: BodyWriter, text: string, ms: number): NodeJS.Timeout {
  const piece = pieceOf([Buffer.from(text)], body.chunked);
  const timer = setTimeout(() => {
    if (!body.isBehind) body.write(piece);
    timer.refresh();
  }, ms);
  return timer;
}

interface ReaderWatch {
  /** Rejects with {@link ReaderGone} once the reader is gone. */
  readonly gone: Promise<never>;
  /** Aborts when the reader is disconnected. */
  readonly signal: AbortSignal;
  release(): void;
}

function watchReader(response: HttpResponse): ReaderWatch {
  const reading = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  const onClose = () => {
    const reason = new ReaderGone("the reader went away");
    reject(reason);
    reading.abort(reason);
  };
  if (response.destroyed) onClose();
  else response.once("close", onClose);
  return {
    gone: promise,
    signal: reading.signal,
    release() {
      response.off("close", onClose);
      reading.abort();
    },
  };
}
