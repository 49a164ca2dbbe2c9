// Reads a whole body from the events of its source.
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest } from "node:http2";
import type { Readable } from "node:stream";
import type { Interrupt } from "../../../domain/cancellation.ts";
import { type DomainError, malformed } from "../../../domain/errors.ts";
import { bodyTooSlow } from "./clock.ts";
import type { BodyShare } from "./memory.ts";
import { Pieces } from "./pieces.ts";

/** A body that is longer than it may be; the beginning of it is there. */
export interface Overlong {
  readonly beginning: Buffer;
}

export function isOverlong(body: Buffer | Overlong): body is Overlong {
  return "beginning" in body;
}

const EMPTY = Buffer.alloc(0);

export interface Collecting {
  /** No more is read than is over it. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Ends it with its reason. */
  readonly interrupt: Interrupt;
  /** Counts bytes that came; gives what they are counted in, unless they are few. Throws OVERLOADED. */
  charge(bytes: number): BodyShare | undefined;
}

/**
 * Resolves with the body, or with its beginning as soon as it is longer than it may be. Pauses the source at the end.
 */
export function collect(source: Readable, collecting: Collecting): Promise<Buffer | Overlong> {
  const { maxBytes, timeoutMs, interrupt } = collecting;
  if (source.readableEnded) return Promise.resolve(EMPTY);
  return new Promise((resolve, reject) => {
    const pieces = new Pieces();
    let share: BodyShare | undefined;
    const settle = () => {
      clearTimeout(timer);
      interrupt.removeEventListener("abort", onAbort);
      source.off("data", onData).off("end", onEnd).off("aborted", onBroken).off("close", onBroken);
      // An error that comes later concerns nobody. What is left here must not hold the body.
      source.off("error", onBroken).on("error", ignore);
      if (share !== undefined) share.onRefused = undefined;
    };
    const stop = (reason: unknown) => {
      settle();
      source.pause();
      reject(reason);
    };
    const onData = (chunk: Buffer) => {
      pieces.push(chunk);
      if (pieces.size > maxBytes) {
        settle();
        source.pause();
        resolve({ beginning: pieces.join() });
        return;
      }
      try {
        share = collecting.charge(chunk.byteLength);
        if (share === undefined) return;
        share.onRefused = stop;
        if (share.mayRead) return;
        source.pause();
        share.wait(() => source.resume());
      } catch (error) {
        stop(error);
      }
    };
    const onEnd = () => {
      if (isCutShort(source)) return onBroken();
      settle();
      resolve(pieces.join());
    };
    const onBroken = () => {
      settle();
      reject(brokenOff());
    };
    const timer = setTimeout(() => stop(bodyTooSlow(timeoutMs)), timeoutMs);
    const onAbort = () => stop(interrupt.reason);
    if (interrupt.aborted) return onAbort();
    interrupt.addEventListener("abort", onAbort, { once: true });
    if (source.destroyed || isCutShort(source)) return onBroken();
    source.on("data", onData).on("end", onEnd).on("error", onBroken).on("aborted", onBroken).on("close", onBroken);
  });
}

/**
 * Whether the client has cut the request short. Over HTTP/2 Node ends the body of a stream that was reset as it ends a
 * whole one, once what had come is read.
 */
export function isCutShort(source: Readable): boolean {
  const { aborted, stream } = source as Partial<Pick<Http2ServerRequest, "aborted" | "stream">>;
  return aborted === true || stream?.aborted === true;
}

/** Whether all of it has come, before Node says so. */
export function isThere(source: IncomingMessage): boolean {
  const { complete, readableLength, headers } = source;
  // A stream that was reset is "complete" too.
  if (complete) return !isCutShort(source);
  return readableLength > 0 && Number(headers["content-length"]) === readableLength;
}

/**
 * All that is there. Node's `read` gives one chunk of it, and a body has as many as its framing and its packets made.
 */
export function takeAll(source: Readable): Buffer {
  const first = source.read() as Buffer | null;
  if (first === null || source.readableLength === 0) return first ?? EMPTY;
  const chunks = [first];
  for (let next: Buffer | null = source.read(); next !== null; next = source.read()) chunks.push(next);
  return Buffer.concat(chunks);
}

/** What the reading of a source failed with, in the contract's terms: the client is gone, or has reset its stream. */
export function readFailure(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  return code === "ERR_STREAM_PREMATURE_CLOSE" || code === "ECONNRESET" ? brokenOff() : error;
}

export function brokenOff(): DomainError {
  return malformed("the body broke off");
}

function ignore(): void {}
