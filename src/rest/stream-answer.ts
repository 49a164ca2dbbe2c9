// Sends a stream of messages at the reader's pace.
import type { ServerResponse } from "node:http";
import type { Message } from "@bufbuild/protobuf";
import type { StreamFormat } from "./events.ts";
import { gone, type Headers, type HttpResponse, writeHead } from "./http.ts";

export interface StreamTimes {
  /** A stream that is silent so long gets a heartbeat, again and again. */
  readonly heartbeatMs: number;
  /**
   * A stream without a first message so long sends its headers alone, unless its source asked for them before. Until
   * then a failure has a status of its own.
   */
  readonly openAfterMs: number;
}

export interface StreamAnswer {
  readonly response: HttpResponse;
  readonly format: StreamFormat;
  readonly status: number;
  /** The headers of the answer, asked for when they are sent. */
  headers(): Headers;
  readonly times: StreamTimes;
  /** Settles when the source says that the headers may go out, though it has no message yet. */
  readonly flushed: Promise<void>;
  /** Send the headers only: the answer to HEAD. */
  readonly headOnly: boolean;
  /** Gives the body of a failure that comes once the headers are out. */
  renderError(error: unknown): unknown;
}

/** The reader went away before the end. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/**
 * Sends every message. Throws what the source throws while nothing is sent yet, and {@link ReaderGone}; a later failure
 * of the source is sent as the last event and gives false.
 */
export async function sendStream(messages: AsyncIterable<Message>, answer: StreamAnswer): Promise<boolean> {
  const { response, format, times } = answer;
  const source = messages[Symbol.asyncIterator]();
  const watch = watchReader(response);
  let heartbeat: NodeJS.Timeout | undefined;
  let done = false;
  const pull = async (pending: Promise<IteratorResult<Message>>) => {
    const next = await watch.orGone(pending);
    done = next.done === true;
    return next;
  };
  try {
    const first = pull(source.next());
    const early = await settledBefore(first, answer.flushed, times.openAfterMs);
    open(answer, early?.done === true ? undefined : early?.value, early === undefined || answer.headOnly);
    if (answer.headOnly) {
      end(response);
      return true;
    }
    if (format.heartbeat !== undefined) heartbeat = keepAlive(response, format.heartbeat, times.heartbeatMs);
    try {
      for (let next = await first; next.done !== true; next = await pull(source.next())) {
        if (!write(response, format.message(next.value))) await watch.orGone(drained(response));
        heartbeat?.refresh();
      }
    } catch (error) {
      if (error instanceof ReaderGone) throw error;
      const last = format.error(answer.renderError(error));
      // Where the format has no word for a failure, breaking off is the only way to tell it.
      if (last === undefined) response.destroy();
      else write(response, last);
      end(response);
      return false;
    }
    end(response);
    return true;
  } finally {
    clearTimeout(heartbeat);
    watch.release();
    // Not awaited: a source that hangs would hold the call back.
    if (!done) source.return?.().catch(() => {});
  }
}

function open({ response, format, status, headers }: StreamAnswer, first: Message | undefined, flush: boolean): void {
  if (gone(response)) throw new ReaderGone();
  const all = headers();
  format.head(all, first);
  writeHead(response, status, all);
  if (flush) (response as ServerResponse).flushHeaders();
}

function write(response: HttpResponse, chunk: string | Uint8Array): boolean {
  return chunk.length === 0 || (response as ServerResponse).write(chunk);
}

function end(response: HttpResponse): void {
  if (!response.writableEnded) (response as ServerResponse).end();
}

/** What the promise gives, or undefined if the other settles or the time passes before. */
async function settledBefore<T>(promise: Promise<T>, other: Promise<void>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, other as Promise<undefined>, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Writes a heartbeat whenever the time has passed since the last refresh, unless the reader is behind anyway. */
function keepAlive(response: HttpResponse, text: string, ms: number): NodeJS.Timeout {
  const timer = setTimeout(() => {
    if (response.destroyed || response.writableEnded) return;
    if (!response.writableNeedDrain) write(response, text);
    timer.refresh();
  }, ms);
  return timer;
}

interface ReaderWatch {
  /** Settles as the promise does, or rejects with {@link ReaderGone} once the reader is gone. One at a time. */
  orGone<T>(promise: Promise<T>): Promise<T>;
  release(): void;
}

// Promise.race with one promise for the whole stream would gather a reaction for every message.
function watchReader(response: HttpResponse): ReaderWatch {
  let abandon: ((reason: ReaderGone) => void) | undefined;
  let isGone = response.destroyed;
  const onClose = () => {
    isGone = true;
    abandon?.(new ReaderGone("the reader went away"));
  };
  response.once("close", onClose);
  return {
    orGone: (promise) =>
      new Promise((resolve, reject) => {
        abandon = reject;
        promise.then(resolve, reject);
        if (isGone) onClose();
      }),
    release: () => response.off("close", onClose),
  };
}

function drained(response: HttpResponse): Promise<void> {
  return new Promise((resolve) => {
    (response as ServerResponse).once("drain", resolve);
  });
}
