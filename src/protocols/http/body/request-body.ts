// The body of a request, read in the same way for every protocol: within the memory that bodies may hold, and no longer
// than the call or a body may take.
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import type { Interrupt } from "../../../domain/cancellation.ts";
import { tooLarge } from "../../../domain/errors.ts";
import { orAborted } from "../../../pipeline/call/deadline.ts";
import type { Coding } from "../coding.ts";
import type { HttpRequest } from "../request.ts";
import { BodyClock } from "./clock.ts";
import { brokenOff, collect, isCutShort, isOverlong, isThere, type Overlong, readFailure, takeAll } from "./collect.ts";
import type { BodyShare } from "./memory.ts";
import type { BodyRules } from "./rules.ts";

export interface PiecesOptions {
  /** Whether it has many messages. */
  readonly streams: boolean;
  readonly maxBytes: number;
}

/** Bodies up to here cost no more than the headers that come with them, and are not counted. Bytes. */
const FREE_BYTES = 16 * 1024;

/**
 * Clients that cancel may end their stream before they reset it: Node's does. The reset comes right behind, in one of
 * the next turns of the loop.
 */
async function resetsAreHeard(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
}

/** The body of one request, and what it holds until `release`. */
export class RequestBody {
  readonly #source: Readable;
  readonly #connection: () => object | undefined;
  readonly #rules: BodyRules;
  #share: BodyShare | undefined;
  #clock: BodyClock | undefined;
  /** Counted since the last step, in bytes; never more than one message may have. */
  #counted = 0;
  #max = Number.POSITIVE_INFINITY;
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
   * The whole body. Rejects with TOO_LARGE past `maxBytes`, before any of it is read where `declared`, the request's
   * content-length, says so; otherwise as {@link wholeOrBeginning}.
   */
  async whole(maxBytes: number, interrupt: () => Interrupt, declared?: string): Promise<Buffer> {
    if (Number(declared) > maxBytes) throw tooLarge(maxBytes);
    const body = await this.wholeOrBeginning(maxBytes, interrupt);
    if (isOverlong(body)) throw tooLarge(maxBytes);
    return body;
  }

  /**
   * Resolves with the body, or with its beginning as soon as it is longer than `maxBytes`: then no more of it is read.
   * Rejects with the reason of `interrupt`, which is asked for only when the body is not there yet, with
   * DEADLINE_EXCEEDED, OVERLOADED, or MALFORMED_BODY if it breaks off.
   */
  async wholeOrBeginning(maxBytes: number, interrupt: () => Interrupt): Promise<Buffer | Overlong> {
    const source = this.#source;
    if ("httpVersion" in source) {
      // The usual case of HTTP/1.1: it came in one packet with its headers. Node asks for the response after the
      // headers, and reads on before the next microtask.
      await undefined;
      if (isThere(source as IncomingMessage) && source.readableLength <= maxBytes) {
        const body = takeAll(source);
        this.charge(body.byteLength);
        return body;
      }
    }
    return collect(source, {
      maxBytes,
      timeoutMs: this.#rules.timeoutMs,
      interrupt: interrupt(),
      charge: (bytes) => {
        this.charge(bytes);
        return this.#share;
      },
    });
  }

  /**
   * The body piece by piece, at the reader's pace. Rejects like {@link whole}, but a body that has many messages, of at
   * most `maxBytes` each, may take as long as it makes progress.
   */
  async *pieces(interrupt: Interrupt, options: PiecesOptions): AsyncGenerator<Buffer> {
    const { streams, maxBytes } = options;
    if (streams) this.#max = maxBytes;
    // Not destroyed when reading stops early: on HTTP/1.1 that would take the connection, and the response with it.
    const chunks = this.#source.iterator({ destroyOnReturn: false });
    const clock = new BodyClock(this.#rules.timeoutMs, streams, interrupt);
    this.#clock = clock;
    try {
      for (;;) {
        clock.start();
        if (this.#share !== undefined && !this.#share.mayRead) await this.#room(clock);
        const next = await orAborted(chunks.next(), clock);
        clock.stop();
        if (next.done === true) {
          if (streams && "stream" in this.#source) await resetsAreHeard();
          if (isCutShort(this.#source)) throw brokenOff();
          return this.complete();
        }
        const chunk = next.value as Buffer;
        clock.read(chunk.byteLength);
        this.charge(chunk.byteLength);
        yield chunk;
      }
    } catch (error) {
      throw readFailure(error);
    } finally {
      clock.release();
      chunks.return?.().catch(() => {});
    }
  }

  /** Whether the client has cancelled the call, of a body that seemed to end: the reset may come just behind. */
  async isCut(): Promise<boolean> {
    await resetsAreHeard();
    return isCutShort(this.#source);
  }

  /** Bytes of it decompressed, and counted. Rejects with TOO_LARGE past `maxBytes`, MALFORMED_BODY, OVERLOADED. */
  async expand(bytes: Uint8Array, coding: Coding, maxBytes: number): Promise<Buffer> {
    const expanded = await coding.decompress(bytes, maxBytes);
    this.charge(expanded.byteLength);
    return expanded;
  }

  /** Counts bytes that are made of it, such as those it has once decompressed. Throws OVERLOADED. */
  charge(bytes: number): void {
    const more = Math.min(bytes, this.#max - this.#counted);
    this.#counted += more;
    if (this.#counted <= FREE_BYTES || this.#released) return;
    if (this.#share !== undefined) {
      this.#share.charge(more);
      return;
    }
    this.#open()?.charge(this.#counted);
  }

  /**
   * Counts what the service holds of messages that it was given, in bytes. Throws OVERLOADED if it may not hold more.
   */
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

  /** What came is handed on, and held no longer, but for what the service keeps. */
  handOn(): void {
    this.#counted = 0;
    this.#share?.clear();
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
}
