// A sink that writes messages as frames into a response body, opened with the first of them.
import type { Message } from "@bufbuild/protobuf";
import type { PushSink } from "../../../pipeline/streams/push-stream.ts";
import type { BodyWriter } from "./body-writer.ts";
import type { SharedFrames } from "./shared-frames.ts";

export class BodySink implements PushSink<Message> {
  readonly signal: AbortSignal;
  readonly #frames: SharedFrames;
  readonly #open: (first: Message | undefined) => BodyWriter;
  #body: BodyWriter | undefined;
  /** What is not written yet, because its frames are still being made. */
  #pending: Promise<unknown> | undefined;
  #closed = false;

  /**
   * @param open sends the headers, once however often it is called
   * @param signal aborts when the reader disconnects
   */
  constructor(frames: SharedFrames, open: (first: Message | undefined) => BodyWriter, signal: AbortSignal) {
    this.#frames = frames;
    this.#open = open;
    this.signal = signal;
  }

  /** What a source puts after the end, of which it may not have heard, is dropped. */
  put(messages: readonly Message[]): boolean {
    if (this.#closed) return false;
    this.#body ??= this.#open(messages[0]);
    const body = this.#body;
    const piece = this.#frames.of(messages, body.chunked);
    if (!(piece instanceof Promise)) return body.write(piece);
    this.#pending = piece.then((there) => body.write(there));
    // `room` and `close` report a failure.
    this.#pending.catch(() => {});
    return false;
  }

  async room(): Promise<void> {
    await this.#pending;
    await this.#body?.room(this.signal);
  }

  /** Takes no more. Resolves when everything that was put is written. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pending;
  }
}
