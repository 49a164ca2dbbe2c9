// A stream of bytes that must make progress, for readers that are not given a RequestBody.
import type { Readable } from "node:stream";
import type { Interrupt } from "../../../domain/cancellation.ts";
import { orAborted } from "../../../pipeline/call/deadline.ts";
import { BodyClock } from "./clock.ts";

/**
 * What comes, piece by piece. Rejects with the call's reason, or with DEADLINE_EXCEEDED if less than 1,024 bytes come in
 * `timeoutMs` milliseconds in which the reader waits for them.
 */
export async function* paced(source: Readable, timeoutMs: number, call: Interrupt): AsyncGenerator<Uint8Array> {
  const chunks = source.iterator({ destroyOnReturn: false });
  const clock = new BodyClock(timeoutMs, true, call);
  try {
    for (;;) {
      clock.start();
      const next = await orAborted(chunks.next(), clock);
      clock.stop();
      if (next.done === true) return;
      const chunk = next.value as Uint8Array;
      clock.read(chunk.byteLength);
      yield chunk;
    }
  } finally {
    clock.release();
    chunks.return?.().catch(() => {});
  }
}
