// Heartbeats of streams: an empty answer whenever a stream was silent for a while, which keeps proxies from taking it for dead.
import { create, type DescMessage, type Message, type MessageShape } from "@bufbuild/protobuf";

/** How long a stream is silent before it gives a heartbeat, unless told: well below the usual 30 to 60 s of proxies. */
export const HEARTBEAT_MS = 15_000;

/**
 * What every streamed answer of HTTP/1.1 and gRPC-Web says to proxies: hand it on piece by piece and as it is (nginx reads
 * the first, and needs it to send the headers at all before it has gathered some kilobytes), and keep no copy.
 */
export const STREAM_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};

const beats = new WeakMap<DescMessage, Message>();
const known = new WeakSet<Message>();

/** The heartbeat of a kind of answer: one empty message for all streams, so that its frames are shared too. */
export function heartbeatOf<D extends DescMessage>(schema: D): MessageShape<D> {
  let beat = beats.get(schema);
  if (beat === undefined) {
    beat = create(schema);
    beats.set(schema, beat);
    known.add(beat);
  }
  return beat as MessageShape<D>;
}

/** Whether an answer is a heartbeat, for formats that have a form of their own for it. */
export function isHeartbeat(message: Message): boolean {
  return known.has(message);
}

/** The answers, with `beat` among them for every `everyMs` milliseconds in which none came. */
export async function* withHeartbeats<T>(answers: AsyncIterable<T>, beat: T, everyMs: number): AsyncGenerator<T, void> {
  const iterator = answers[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  try {
    let next = iterator.next();
    for (;;) {
      const quiet = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), everyMs);
      });
      const answer = await Promise.race([next, quiet]);
      clearTimeout(timer);
      if (answer === undefined) yield beat;
      else if (answer.done === true) return;
      else {
        yield answer.value;
        next = iterator.next();
      }
    }
  } finally {
    clearTimeout(timer);
    // It may hang where it is: whoever reads has gone, and does not wait for it.
    iterator.return?.().catch(() => {});
  }
}
