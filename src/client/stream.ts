// Keeps a server stream going over broken connections.
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorReason } from "../../gen/colloquy/v1/error_reason_pb.ts";
import { type Backoff, pauseMs, wait } from "./backoff.ts";
import { isRefusal } from "./credential.ts";
import { PASSING_REASONS, reasonOf, retryDelayOf } from "./reason.ts";

export interface StreamOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal;
  /**
   * How long to wait before connecting anew. Default: at most 100 ms at first, then twice that each time, up to 5 s.
   */
  readonly backoff?: Partial<Backoff>;
  /** Told of each failure that the stream survives. */
  readonly onInterruption?: (error: unknown) => void;
  /**
   * A stream on which nothing comes for so long is taken for broken, in milliseconds. The server gives a sign of life
   * every 15 s. Default: 40,000. 0: never.
   */
  readonly silenceMs?: number;
}

/** What the client as a whole knows. */
export interface Connection {
  /** Whether the next connection may have another credential, so that a refused one is tried once more. */
  readonly renews: boolean;
}

const BACKOFF: Backoff = { initialMs: 100, maxMs: 5_000 };

/**
 * Opens a stream again and again until it ends by itself or fails for good. `open` is asked for each connection, and
 * begins where the last one stopped.
 */
export async function* resilient<T>(
  open: (signal: AbortSignal) => AsyncIterable<T>,
  options: StreamOptions,
  defaultSilenceMs: number,
  { renews }: Connection,
): AsyncGenerator<T> {
  const { signal, onInterruption, silenceMs = defaultSilenceMs } = options;
  const backoff = { ...BACKOFF, ...options.backoff };
  let refused = false;
  for (let failures = 0; ; failures++) {
    const connection = new AbortController();
    const merged = signal ? AbortSignal.any([signal, connection.signal]) : connection.signal;
    let watchdog: ReturnType<typeof setTimeout> | undefined;
    const watch = () => {
      clearTimeout(watchdog);
      if (silenceMs > 0) watchdog = setTimeout(() => connection.abort(), silenceMs);
    };
    try {
      watch();
      for await (const item of open(merged)) {
        failures = 0;
        refused = false;
        // While its reader is busy, a stream is silent for no fault of its own.
        clearTimeout(watchdog);
        yield item;
        watch();
      }
      return;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const renewed: boolean = renews && !refused && isRefusal(error);
      refused ||= renewed;
      if (!connection.signal.aborted && !renewed && !mayResume(error)) throw error;
      onInterruption?.(error);
      await wait(pauseMs(backoff, failures, retryDelayOf(error)), signal);
    } finally {
      clearTimeout(watchdog);
      connection.abort();
    }
  }
}

/** Whether a stream that failed so may be opened anew. */
function mayResume(error: unknown): boolean {
  const reason = reasonOf(error);
  // A fault of the server's own need not be there the next time, and to read again does no harm.
  if (reason !== undefined) return PASSING_REASONS.has(reason) || reason === ErrorReason.INTERNAL;
  // A broken connection, as fetch and its body report it, or a proxy that could not reach the server.
  const { code } = ConnectError.from(error);
  return BROKEN.has(code);
}

const BROKEN: ReadonlySet<Code> = new Set([
  Code.Unknown,
  Code.Unavailable,
  Code.Internal,
  Code.Canceled,
  Code.DeadlineExceeded,
  Code.DataLoss,
]);
