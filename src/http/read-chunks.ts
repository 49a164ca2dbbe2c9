// Reading a request's body, on every wire: within the memory that bodies may hold, never longer than the call, nor than a body may take.
import type { IncomingMessage } from "node:http";
import { constants } from "node:http2";
import type { Readable } from "node:stream";
import type { Interrupt } from "../domain/cancellation.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { orAborted } from "../pipeline/deadline.ts";
import { BodyClock, bodyTooSlow } from "./body-clock.ts";
import { BodyMemory, type BodyMemoryLimits, type BodyShare } from "./body-memory.ts";
import type { HttpRequest } from "./http.ts";

/** What holds for all bodies of a process. */
export interface BodyRules {
  /** How long a body may take to arrive; of a stream of requests: in what time it must make progress. Milliseconds. */
  readonly timeoutMs: number;
  readonly memory: BodyMemory;
}

export interface BodyRuleLimits extends BodyMemoryLimits {
  readonly bodyTimeoutMs: number;
}

export function createBodyRules({ bodyTimeoutMs = 60_000, ...memory }: Partial<BodyRuleLimits> = {}): BodyRules {
  return { timeoutMs: bodyTimeoutMs, memory: new BodyMemory(memory) };
}

/** Bodies up to here cost no more than the headers that come with them, and are not counted. Bytes. */
const FREE_BYTES = 16 * 1024;

/** The body of one request, and what it holds until `release`. */
export class RequestBody {
  readonly #source: Readable;
  readonly #connection: () => object | undefined;
  readonly #rules: BodyRules;
  #share: BodyShare | undefined;
  #clock: BodyClock | undefined;
  /** Counted since the last step, in bytes; never more than one message may have. */
  #counted = 0;
  #most = Number.POSITIVE_INFINITY;
  #released = false;

  /** @param connection the socket or session that it comes on; undefined once that is gone */
  constructor(source: Readable, connection: () => object | undefined, rules: BodyRules) {
    this.#source = source;
    this.#connection = connection;
    this.#rules = rules;
  }

  static of(request: HttpRequest, rules: BodyRules): RequestBody {
    return new RequestBody(
      request as Readable,
      () => ("stream" in request ? request.stream.session : request.socket),
      rules,
    );
  }

  /**
   * Resolves with the body, or with its beginning as soon as it is longer than `maxBytes`: then no more of it is read.
   * Rejects with the reason of `interrupt`, which is asked for only when the body is not there yet, with
   * DEADLINE_EXCEEDED, OVERLOADED, or MALFORMED_BODY if it breaks off.
   */
  async whole(maxBytes: number, interrupt: () => Interrupt): Promise<Buffer | Overlong> {
    const source = this.#source;
    if ("httpVersion" in source) {
      // The usual case of HTTP/1.1: it came in one packet with its headers. Node asks for the answer after the headers,
      // and reads on before the next microtask.
      await undefined;
      if (isThere(source as IncomingMessage) && source.readableLength <= maxBytes) {
        const body = takeAll(source);
        this.charge(body.byteLength);
        return body;
      }
    }
    return this.#collect(maxBytes, interrupt());
  }

  /**
   * The body piece by piece, at the reader's pace. Rejects like {@link whole}, but a body that has many messages, of at
   * most `maxBytes` each, may take as long as it makes progress.
   */
  async *pieces(interrupt: Interrupt, options: PiecesOptions): AsyncGenerator<Buffer> {
    const { streams, maxBytes, expansion = 1 } = options;
    if (streams || expansion > 1) this.#most = maxBytes;
    // Not destroyed when reading stops early: on HTTP/1.1 that would take the connection, and the answer with it.
    const chunks = this.#source.iterator({ destroyOnReturn: false });
    const clock = new BodyClock(this.#rules.timeoutMs, streams, interrupt);
    this.#clock = clock;
    try {
      for (;;) {
        clock.start();
        if (this.#share !== undefined && !this.#share.mayRead) await this.#room(clock);
        const next = await orAborted(chunks.next(), clock);
        clock.stop();
        if (next.done === true) return this.complete();
        const chunk = next.value as Buffer;
        clock.read(chunk.byteLength);
        this.charge(Math.min(chunk.byteLength * expansion, maxBytes));
        yield chunk;
      }
    } finally {
      clock.release();
      chunks.return?.().catch(() => {});
    }
  }

  /** Counts bytes that are made of it, such as those it has once decompressed. Throws OVERLOADED. */
  charge(bytes: number): void {
    const more = Math.min(bytes, this.#most - this.#counted);
    this.#counted += more;
    if (this.#counted <= FREE_BYTES || this.#released) return;
    if (this.#share !== undefined) {
      this.#share.charge(more);
      return;
    }
    this.#open()?.charge(this.#counted);
  }

  /** Counts what the service holds of messages that it was given, in bytes. Throws OVERLOADED if it may not hold more. */
  keep(bytes: number): void {
    if (this.#released || (this.#share === undefined && bytes <= FREE_BYTES)) return;
    (this.#share ?? this.#open())?.keep(bytes);
  }

  #open(): BodyShare | undefined {
    const connection = this.#connection();
    if (connection === undefined) return undefined;
    const share = this.#rules.memory.open(connection);
    share.onRefused = (error) => this.#clock?.abort(error);
    this.#share = share;
    return share;
  }

  /** A message of many was whole, and what has come of it is done with, but for what the service keeps. */
  step(): void {
    this.#counted = 0;
    this.#share?.clear();
    this.#clock?.progress();
  }

  /** The one message is there: nothing more comes. */
  complete(): void {
    this.#share?.complete();
  }

  /** The call is over: nothing is held any more. */
  release(): void {
    this.#released = true;
    this.#share?.release();
  }

  #room(stop: Interrupt): Promise<void> {
    return orAborted(new Promise<void>((resolve) => this.#share?.wait(resolve)), stop);
  }

  #collect(maxBytes: number, call: Interrupt): Promise<Buffer | Overlong> {
    const source = this.#source;
    const { timeoutMs } = this.#rules;
    if (source.readableEnded) return Promise.resolve(EMPTY);
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const settle = () => {
        clearTimeout(timer);
        call.removeEventListener("abort", onAbort);
        source.off("data", onData).off("end", onEnd).off("aborted", onBroken).off("close", onBroken);
        // An error that comes later concerns nobody. What is left here must not hold the body.
        source.off("error", onBroken).on("error", ignore);
        if (this.#share !== undefined) this.#share.onRefused = undefined;
      };
      const stop = (reason: unknown) => {
        settle();
        source.pause();
        reject(reason);
      };
      const onData = (chunk: Buffer) => {
        size += chunk.byteLength;
        chunks.push(chunk);
        if (size > maxBytes) {
          settle();
          source.pause();
          resolve({ beginning: Buffer.concat(chunks) });
          return;
        }
        try {
          this.charge(chunk.byteLength);
          const share = this.#share;
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
        settle();
        resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size));
      };
      const onBroken = () => {
        settle();
        reject(brokenOff());
      };
      const timer = setTimeout(() => stop(bodyTooSlow(timeoutMs)), timeoutMs);
      const onAbort = () => stop(call.reason);
      if (call.aborted) return onAbort();
      call.addEventListener("abort", onAbort, { once: true });
      if (source.destroyed) return onBroken();
      source.on("data", onData).on("end", onEnd).on("error", onBroken).on("aborted", onBroken).on("close", onBroken);
    });
  }
}

export interface PiecesOptions {
  /** Whether it has many messages. */
  readonly streams: boolean;
  readonly maxBytes: number;
  /** How many bytes each byte may become where the reader decompresses the one message: it counts as those. Default: 1. */
  readonly expansion?: number;
}

/** A body that is longer than it may be; the beginning of it is kept. */
export interface Overlong {
  readonly beginning: Buffer;
}

export function isOverlong(body: Buffer | Overlong): body is Overlong {
  return "beginning" in body;
}

const EMPTY = Buffer.alloc(0);

function ignore(): void {}

/** Whether all of it has come, before Node says so. */
function isThere({ complete, readableLength, headers }: IncomingMessage): boolean {
  return complete || (readableLength > 0 && Number(headers["content-length"]) === readableLength);
}

/** All that is there. Node's `read` gives one chunk of it, and a body has as many as its framing and its packets made. */
function takeAll(source: Readable): Buffer {
  const first = source.read() as Buffer | null;
  if (first === null || source.readableLength === 0) return first ?? EMPTY;
  const chunks = [first];
  for (let next: Buffer | null = source.read(); next !== null; next = source.read()) chunks.push(next);
  return Buffer.concat(chunks);
}

function brokenOff(): DomainError {
  return new DomainError(ErrorReason.MALFORMED_BODY, "the body broke off");
}

/** How long the rest of a body is read and thrown away, so that the client sees its answer before the end. */
export const LINGER_MS = 5_000;

/** After the answer: lets go of a body that was not read to its end. */
export function releaseBody(request: HttpRequest): void {
  if (request.complete || request.destroyed) return;
  request.resume();
  const linger = setTimeout(() => {
    // It came to its end meanwhile, though a reader that gave up may have left it there.
    if (request.complete) return;
    // RFC 9113 §8.1: the answer is complete, so this asks the client to stop sending, without an error.
    if ("stream" in request) request.stream.close(constants.NGHTTP2_NO_ERROR);
    else request.socket.destroy();
  }, LINGER_MS);
  linger.unref();
  request.once("close", () => clearTimeout(linger));
}
