// Response streams: pulled one by one, or pushed into a sink in batches, without a promise for each message.

import { leave } from "./converted.ts";

/** Takes messages at the pace of the reader (backpressure). */
export interface PushSink<T> {
  /**
   * Takes messages, in order. The same list may be put into many sinks: it is never changed, and sinks may share what
   * they encode. False: put no more until {@link room} resolves. Throws if the messages cannot be sent.
   */
  put(messages: readonly T[]): boolean;
  /** Resolves when there is room again, or the reader is disconnected. */
  room(): Promise<void>;
  /** Aborts when the reader is disconnected. */
  readonly signal: AbortSignal;
}

/** A stream in both forms; a protocol uses one of them, once. */
export interface PushStream<T> extends AsyncIterable<T> {
  /** Puts all messages into the sink. Resolves after the last one; rejects as iterating would throw. */
  pushTo(sink: PushSink<T>): Promise<void>;
}

/** Makes a pushed stream iterable too. */
export function pushed<T>(pushTo: PushStream<T>["pushTo"]): PushStream<T> {
  return { pushTo, [Symbol.asyncIterator]: () => pulled(pushTo) };
}

/** Puts all messages into the sink, in the form in which they come. */
export async function pushAll<T>(messages: AsyncIterable<T>, sink: PushSink<T>): Promise<void> {
  if (isPushed(messages)) return messages.pushTo(sink);
  const iterator = messages[Symbol.asyncIterator]();
  // In a function of its own, whose message is held no longer than it takes to put it: the frame of one that waits for
  // room would hold it beside what is made of it.
  const putNext = async (): Promise<"over" | "room" | "full"> => {
    const { done, value } = await iterator.next();
    if (done === true) return "over";
    sink.signal.throwIfAborted();
    return sink.put([value]) ? "room" : "full";
  };
  try {
    for (let state = await putNext(); state !== "over"; state = await putNext()) {
      if (state === "full") await sink.room();
    }
  } catch (error) {
    await leave(iterator);
    throw error;
  }
}

/** A sink that converts its messages to those of another sink. */
export function mapped<T, U>(sink: PushSink<U>, make: (messages: readonly T[]) => readonly U[]): PushSink<T> {
  return { put: (messages) => sink.put(make(messages)), room: () => sink.room(), signal: sink.signal };
}

export function isPushed<T>(messages: AsyncIterable<T>): messages is PushStream<T> {
  return "pushTo" in messages;
}

/** One by one, at the reader's pace: there is room for more once all that was put is taken. */
async function* pulled<T>(pushTo: PushStream<T>["pushTo"]): AsyncGenerator<T, void> {
  const reading = new AbortController();
  let held: readonly T[] = [];
  /** Whether something was put that is not taken yet. */
  let full = false;
  let over = false;
  let more = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();
  const running = pushTo({
    signal: reading.signal,
    put(messages) {
      held = held.length === 0 ? messages : [...held, ...messages];
      full = true;
      more.resolve();
      return false;
    },
    room: () => (full ? room.promise : Promise.resolve()),
  }).finally(() => {
    over = true;
    more.resolve();
  });
  // A failure is thrown below, unless the reader has left before.
  running.catch(() => {});
  try {
    while (!over || held.length > 0) {
      await more.promise;
      more = Promise.withResolvers();
      // From the end, so that those that were taken are held no longer.
      const messages = held.toReversed();
      held = [];
      while (messages.length > 0) yield messages.pop() as T;
      full = held.length > 0;
      if (full) continue;
      room.resolve();
      room = Promise.withResolvers();
    }
    await running;
  } finally {
    reading.abort();
    room.resolve();
  }
}
