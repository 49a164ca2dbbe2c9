// Streams of answers: asked for one by one, or put into a sink many at a time, without a promise for each.

/** Takes answers as fast as whoever reads them. */
export interface AnswerSink<T> {
  /**
   * Takes answers, in order. The same list may be put into many sinks, so nobody changes it, and what a sink makes of it
   * can be shared. False: nothing more until {@link room} resolves. Throws if they cannot be sent.
   */
  put(answers: readonly T[]): boolean;
  /** Resolves when there is room again, or nobody reads any more. */
  room(): Promise<void>;
  /** Aborts when nobody reads any more. */
  readonly signal: AbortSignal;
}

/** Answers that have both forms; a wire chooses one of them, once. */
export interface PushedAnswers<T> extends AsyncIterable<T> {
  /** Puts every answer into the sink. Resolves after the last one; rejects as iterating would throw. */
  pushTo(sink: AnswerSink<T>): Promise<void>;
}

/** Gives what puts answers into a sink the form of an iterable too. */
export function pushed<T>(pushTo: PushedAnswers<T>["pushTo"]): PushedAnswers<T> {
  return { pushTo, [Symbol.asyncIterator]: () => pulled(pushTo) };
}

/** Puts all answers into the sink, in the form in which they come. */
export async function pushAll<T>(answers: AsyncIterable<T>, sink: AnswerSink<T>): Promise<void> {
  if (isPushed(answers)) return answers.pushTo(sink);
  for await (const answer of answers) {
    sink.signal.throwIfAborted();
    if (!sink.put([answer])) await sink.room();
  }
}

/** A sink that takes other answers, of which it makes those that the first takes. */
export function mapped<T, U>(sink: AnswerSink<U>, make: (answers: readonly T[]) => readonly U[]): AnswerSink<T> {
  return { put: (answers) => sink.put(make(answers)), room: () => sink.room(), signal: sink.signal };
}

export function isPushed<T>(answers: AsyncIterable<T>): answers is PushedAnswers<T> {
  return "pushTo" in answers;
}

/** One by one, at the reader's pace: there is room for more once all that was put is taken. */
async function* pulled<T>(pushTo: PushedAnswers<T>["pushTo"]): AsyncGenerator<T, void> {
  const reading = new AbortController();
  let held: readonly T[] = [];
  let over = false;
  let more = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();
  const running = pushTo({
    signal: reading.signal,
    put(answers) {
      held = held.length === 0 ? answers : [...held, ...answers];
      more.resolve();
      return false;
    },
    room: () => room.promise,
  }).finally(() => {
    over = true;
    more.resolve();
  });
  // It is told below, unless the reader has gone before.
  running.catch(() => {});
  try {
    while (!over || held.length > 0) {
      await more.promise;
      more = Promise.withResolvers();
      const answers = held;
      held = [];
      yield* answers;
      room.resolve();
      room = Promise.withResolvers();
    }
    await running;
  } finally {
    reading.abort();
    room.resolve();
  }
}
