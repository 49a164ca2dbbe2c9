// The request and response streams of a method.
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { orAborted } from "../call/deadline.ts";

/** The one request of a method that takes one. Throws UNSUPPORTED if there is none, or another. */
export async function onlyOne<T>(requests: AsyncIterable<T>): Promise<T> {
  let only: T | undefined;
  for await (const request of requests) {
    if (only !== undefined) throw new DomainError(ErrorReason.UNSUPPORTED, "the method takes one request message");
    only = request;
  }
  if (only === undefined)
    throw new DomainError(ErrorReason.UNSUPPORTED, "the method takes one request message, got none");
  return only;
}

/** Each as it comes, after `check` has seen it. */
export async function* checked<T>(
  requests: AsyncIterable<T>,
  check: (request: T) => Promise<void> | undefined,
): AsyncIterable<T> {
  for await (const request of requests) {
    const checking = check(request);
    if (checking !== undefined) await checking;
    yield request;
  }
}

/** Ends when the signal aborts, by throwing its reason, even if the source of the stream ignores the signal. */
export async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
  const iterator = items[Symbol.asyncIterator]();
  let done = false;
  try {
    for (;;) {
      const next = await orAborted(iterator.next(), signal);
      if (next.done === true) {
        done = true;
        return;
      }
      yield next.value;
    }
  } finally {
    // Not awaited: a generator that hangs would hold the response back.
    if (!done) iterator.return?.().catch(() => {});
  }
}
