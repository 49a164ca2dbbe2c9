// Work in the background does not belong to the call that happened to start it: it goes on after the call, and for
// others. Whatever AsyncLocalStorage carries, such as the current span, would otherwise follow it for ever.
import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";

/**
 * Runs `work`, and everything that it awaits or sets a timer for, outside any call. For loops, and for timers whose work
 * several calls share.
 */
export const inBackground: <T>(work: () => T) => T = AsyncLocalStorage.snapshot();

/** The call that it was made in: runs work later as a part of that call, whoever runs by then. */
export class OwnCall {
  // Ten times as fast as AsyncLocalStorage.snapshot().
  readonly #resource = new AsyncResource("colloquy-call");

  run<T>(work: () => T): T {
    return this.#resource.runInAsyncScope(work);
  }
}
