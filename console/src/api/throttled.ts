// Work that many things ask for: done soon, at most once in a while, and never twice at the same time.

export interface Throttled {
  /** Asks for the work. Asked for while it is under way, it is done once more afterwards. */
  call(): void;
  /** Begins no more. */
  stop(): void;
}

/** The first call waits a tenth of the time, so that calls at the same moment are one. */
export function throttled(work: () => unknown, ms: number): Throttled {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let began = Number.NEGATIVE_INFINITY;
  let isBusy = false;
  let isWanted = false;
  let isStopped = false;
  const schedule = () => {
    if (timer !== undefined || isBusy || isStopped) return;
    timer = setTimeout(run, Math.max(ms / 10, began + ms - performance.now()));
  };
  const run = async () => {
    timer = undefined;
    began = performance.now();
    isBusy = true;
    isWanted = false;
    try {
      await work();
    } catch {
      // The work itself shows what failed.
    }
    isBusy = false;
    if (isWanted) schedule();
  };
  return {
    call() {
      isWanted = true;
      schedule();
    },
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
