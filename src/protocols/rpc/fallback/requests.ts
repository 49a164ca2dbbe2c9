// The request messages of a call, read in front of Connect's handlers as the lanes read theirs: bounded before they are
// decoded, with turns for others between. The handlers get an empty message in the place of each, and the method what
// was read.
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { tooLarge } from "../../../domain/errors.ts";
import { callerGone } from "../../../pipeline/call/deadline.ts";
import { Turns } from "../../../pipeline/streams/time-slices.ts";
import { Pieces } from "../../http/body/pieces.ts";
import type { RequestBody } from "../../http/body/request-body.ts";
import type { SentCoding } from "../../http/coding.ts";
import { limitConcurrency } from "../../http/limit-concurrency.ts";
import type { Codec, Encoding } from "../codec.ts";
import { CODINGS } from "../compression.ts";
import { messageOf } from "../connect.ts";
import { checkFlags, expand, HEAD_BYTES, split } from "../envelope.ts";

/** So many messages are decompressed at once: as many as Node has threads for. */
const DECOMPRESSING = 4;

/** What all calls of a server read their messages with. */
export interface MessageReading {
  readonly codec: Codec;
  /** Maximum bytes of one message, also once decompressed. */
  readonly readMaxBytes: number;
  readonly codings: ReadonlyMap<string, SentCoding>;
}

export function createMessageReading(codec: Codec, readMaxBytes: number): MessageReading {
  const limited = CODINGS.map((one) => ({ ...one, decompress: limitConcurrency(DECOMPRESSING, one.decompress) }));
  return { codec, readMaxBytes, codings: new Map(limited.map((one) => [one.name, one])) };
}

export interface RequestForm {
  readonly method: DescMethod;
  readonly encoding: Encoding;
  /** Whether each message has a frame, as in all but Connect's unary calls. */
  readonly framed: boolean;
  /** The flag of frames that hold no message, such as trailers; 0: there are none. */
  readonly skip: number;
  /** The name of the compression, which is looked at when a message is read. Undefined: none. */
  readonly compression: string | undefined;
  /** How many bytes the whole body has, if the request says so. */
  readonly declaredBytes: number | undefined;
}

export class RequestMessages {
  readonly #reading: MessageReading;
  readonly #body: RequestBody;
  readonly #form: RequestForm;
  readonly #read: Message[] = [];
  readonly #turns = new Turns();
  #hasBegun = false;

  constructor(reading: MessageReading, body: RequestBody, form: RequestForm) {
    this.#reading = reading;
    this.#body = body;
    this.#form = form;
  }

  /** The next for which the handlers have got an empty one. */
  take(): Message {
    const message = this.#read.shift();
    if (message === undefined) throw new Error("no request message was read");
    return message;
  }

  /** The body as the handlers get it. Throws as a codec does; MALFORMED_BODY for flags that no protocol knows. */
  async *stand(pieces: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
    if (this.#form.framed) yield* this.#frames(pieces);
    else yield await this.#whole(pieces);
  }

  /** Reads the message of a Connect GET. Throws as a codec does. */
  async readQuery(query: URLSearchParams): Promise<void> {
    await this.#decode(Buffer.from(messageOf(query)), this.#form.compression === undefined ? 0 : 1);
  }

  get #empty(): Uint8Array {
    return this.#form.encoding === "json" ? EMPTY_JSON : EMPTY;
  }

  async #whole(pieces: AsyncIterable<Buffer>): Promise<Uint8Array> {
    const { readMaxBytes } = this.#reading;
    if ((this.#form.declaredBytes ?? 0) > readMaxBytes) throw tooLarge(readMaxBytes);
    const body = new Pieces();
    for await (const chunk of pieces) {
      body.push(chunk);
      if (body.size > readMaxBytes) throw tooLarge(readMaxBytes);
    }
    await this.#decode(body.join(), this.#form.compression === undefined ? 0 : 1);
    return this.#empty;
  }

  async *#frames(pieces: AsyncIterable<Buffer>): AsyncGenerator<Uint8Array> {
    let held = new Pieces();
    /** No frame is whole before. */
    let wanted = HEAD_BYTES;
    for await (const piece of pieces) {
      held.push(piece);
      if (held.size < wanted) continue;
      const bytes = held.join();
      const { frames, end, tooLong } = split(bytes, this.#reading.readMaxBytes);
      for (const { flags, data } of frames) {
        await this.#turns.next();
        if (await this.#decode(data, flags)) yield frameOf(this.#empty);
      }
      if (tooLong) throw tooLarge(this.#reading.readMaxBytes);
      held = new Pieces();
      if (end < bytes.byteLength) held.push(bytes.subarray(end));
      wanted = HEAD_BYTES + (held.size < HEAD_BYTES ? 0 : bytes.readUInt32BE(end + 1));
    }
    // Over HTTP/2 many clients end a stream just before they reset it: it looks as if there was no message.
    if (!this.#hasBegun && (await this.#body.isCut())) throw callerGone();
    // Connect's handlers refuse an incomplete frame.
    if (held.size > 0) yield held.join();
  }

  /** Whether it is a message. */
  async #decode(data: Buffer, flags: number): Promise<boolean> {
    const { method, encoding, compression, skip } = this.#form;
    checkFlags(flags, skip);
    const { codec, codings, readMaxBytes } = this.#reading;
    const coding = compression === undefined ? undefined : codings.get(compression);
    const expanded = await expand(this.#body, data, flags, coding, readMaxBytes);
    if ((flags & skip) !== 0) return false;
    this.#hasBegun = true;
    this.#read.push(await codec.decode(method, encoding, expanded));
    return true;
  }
}

const EMPTY = new Uint8Array(0);
const EMPTY_JSON = Buffer.from("{}");

function frameOf(data: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEAD_BYTES + data.byteLength);
  frame.writeUInt32BE(data.byteLength, 1);
  frame.set(data, HEAD_BYTES);
  return frame;
}
