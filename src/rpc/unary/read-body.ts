// Reads a body to its end: never longer than the call, nor than a body may take.
import type { Readable } from "node:stream";
import { bodyTooSlow } from "../request-body.ts";
import type { BodyLimits, Overlong } from "./exchange.ts";

const EMPTY = Buffer.alloc(0);

/** Resolves with the body, or with its beginning as soon as it is too long. Reads no further then. */
export function readBody(source: Readable, { maxBytes, timeoutMs, interrupt }: BodyLimits): Promise<Buffer | Overlong> {
  if (source.readableEnded) return Promise.resolve(EMPTY);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const call = interrupt();
    const settle = () => {
      clearTimeout(timer);
      call.removeEventListener("abort", onAbort);
      source
        .off("data", onData)
        .off("end", onEnd)
        .off("error", onBroken)
        .off("aborted", onBroken)
        .off("close", onBroken);
    };
    const onData = (chunk: Buffer) => {
      size += chunk.byteLength;
      chunks.push(chunk);
      if (size <= maxBytes) return;
      settle();
      source.pause();
      resolve({ beginning: Buffer.concat(chunks) });
    };
    const onEnd = () => {
      settle();
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
    };
    const onBroken = () => {
      settle();
      reject(new Error("the body broke off"));
    };
    const stop = (reason: unknown) => {
      settle();
      source.pause();
      reject(reason);
    };
    const timer = setTimeout(() => stop(bodyTooSlow(timeoutMs)), timeoutMs);
    const onAbort = () => stop(call.reason);
    if (call.aborted) return onAbort();
    call.addEventListener("abort", onAbort, { once: true });
    if (source.destroyed && !source.readableEnded) return onBroken();
    source.on("data", onData).on("end", onEnd).on("error", onBroken).on("aborted", onBroken).on("close", onBroken);
  });
}
