// One streamed answer on its way: its headers, its messages at the reader's pace, and its end.
import type { Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { AnswerSink } from "../answers.ts";
import type { HeaderMap, Incoming } from "../unary/protocol.ts";
import type { StreamedAnswer } from "./answer.ts";
import type { BodyWriter } from "./body-writer.ts";
import type { StreamProtocol } from "./protocol.ts";
import type { SharedFrames } from "./shared-frames.ts";

export class Sending implements AnswerSink<Message> {
  readonly signal: AbortSignal;
  readonly #protocol: StreamProtocol;
  readonly #incoming: Incoming;
  readonly #frames: SharedFrames;
  readonly #answer: StreamedAnswer;
  readonly #fields: HeaderMap;
  #body: BodyWriter | undefined;
  /** What is not written yet, because its frames are still being made. */
  #pending: Promise<unknown> | undefined;
  #ended = false;

  /** @param fields headers that the answer carries, which may be added to until it is opened */
  constructor(
    protocol: StreamProtocol,
    incoming: Incoming,
    frames: SharedFrames,
    answer: StreamedAnswer,
    fields: HeaderMap,
    signal: AbortSignal,
  ) {
    this.#protocol = protocol;
    this.#incoming = incoming;
    this.#frames = frames;
    this.#answer = answer;
    this.#fields = fields;
    this.signal = signal;
  }

  /** Sends the headers; again does nothing. */
  open(): BodyWriter {
    this.#body ??= this.#answer.open(this.#protocol.headers(this.#incoming, this.#fields), this.#protocol.trailing);
    return this.#body;
  }

  /** What a source puts after the end, which it may not have heard of, is dropped. */
  put(messages: readonly Message[]): boolean {
    if (this.#ended) return false;
    const body = this.open();
    const piece = this.#frames.of(messages, body.chunked);
    if (!(piece instanceof Promise)) return body.write(piece);
    this.#pending = piece.then((there) => body.write(there));
    // Told by `room` and `end`.
    this.#pending.catch(() => {});
    return false;
  }

  async room(): Promise<void> {
    await this.#pending;
    await this.#body?.room(this.signal);
  }

  async end(error: ConnectError | undefined): Promise<void> {
    this.#ended = true;
    await this.#pending;
    const last = await this.#protocol.end(this.#incoming, error);
    this.open();
    this.#answer.end(last);
  }
}
