// The room for the histories that turns of this process hold while agents are asked.
import { patiently } from "../../store/retry.ts";
import { MAX_CONTEXT_READ } from "../../store/turns/entries.ts";
import { AgentFailure, type ReplyRequest } from "../connectors/connector.ts";
import { HeldBytes } from "../held-bytes.ts";
import { withTimeout } from "../with-timeout.ts";
import { PATIENCE_MS } from "./turn-writer.ts";

/** The bytes of all histories, as they are stored. */
const MAX_BYTES = 128 << 20;

export interface RoomFor {
  readonly tenantId: string;
  /** How long to wait for room, in milliseconds. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

export class HistoryRoom {
  readonly #bytes: HeldBytes;

  constructor(max = MAX_BYTES) {
    this.#bytes = new HeldBytes(max);
  }

  /**
   * Reads a request, patiently, and uses it, in room that is there before it is read: until then its size is not known, so that it
   * counts as the largest there is. Throws {@link AgentFailure} if no room came free in time.
   */
  async within<T>(
    { tenantId, patienceMs, signal }: RoomFor,
    read: () => Promise<ReplyRequest>,
    use: (request: ReplyRequest) => Promise<T>,
  ): Promise<T> {
    const patience = new AbortController();
    const taken = this.#bytes.take(tenantId, MAX_CONTEXT_READ, AbortSignal.any([signal, patience.signal]));
    const hold = await withTimeout(taken, patienceMs, signal).catch((error: unknown) => {
      taken.then((late) => late?.leave()).catch(() => {});
      throw error;
    });
    if (hold === undefined) {
      patience.abort();
      // It may have come just now.
      taken.then((late) => late?.leave()).catch(() => {});
      throw new AgentFailure("the server runs as many turns as it has room for; retry in a moment");
    }
    try {
      const request = await patiently(read, PATIENCE_MS, signal);
      hold.shrinkTo(bytesOf(request));
      return await use(request);
    } finally {
      hold.leave();
    }
  }
}

function bytesOf({ messages }: ReplyRequest): number {
  return messages.reduce((sum, { content, parts }) => sum + content.length + (parts?.length ?? 0), 0);
}
