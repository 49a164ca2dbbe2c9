// Heartbeats: an empty message whenever a stream was idle for a while, so that proxies do not close it.
import { create, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";

/** Default idle time before a heartbeat: well below the usual 30 to 60 s of proxies. */
export const HEARTBEAT_MS = 15_000;

/**
 * Headers of every response stream over HTTP/1.1 and gRPC-Web for proxies: do not buffer or change it (nginx reads the
 * first, and without it delays even the headers until some kilobytes have come), and do not store it.
 */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

const beats = new WeakMap<DescMessage, Message>();
const known = new WeakSet<Message>();

/** The heartbeat of a message type: one empty message for all streams, so that its frames are shared too. */
export function heartbeatOf<D extends DescMessage>(schema: D): MessageShape<D> {
  let beat = beats.get(schema);
  if (beat === undefined) {
    beat = create(schema);
    beats.set(schema, beat);
    known.add(beat);
  }
  return beat as MessageShape<D>;
}

/** Whether a message is a heartbeat, for formats that have a form of their own for it. */
export function isHeartbeat(message: Message): boolean {
  return known.has(message);
}

/** The messages, with `beat` among them after every `everyMs` milliseconds without one. */
export async function* withHeartbeats<T>(items: AsyncIterable<T>, beat: T, everyMs: number): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  try {
    let next = iterator.next();
    for (;;) {
      const quiet = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), everyMs);
      });
      const item = await Promise.race([next, quiet]);
      clearTimeout(timer);
      if (item === undefined) yield beat;
      else if (item.done === true) return;
      else {
        yield item.value;
        next = iterator.next();
      }
    }
  } finally {
    clearTimeout(timer);
    // The source may hang: the reader is disconnected, and does not wait for it.
    iterator.return?.().catch(() => {});
  }
}
