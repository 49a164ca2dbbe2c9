// The frames of gRPC, gRPC-Web and Connect's streams (Length-Prefixed-Message): a byte of flags, four of length, then
// the message.
import type { Message } from "@bufbuild/protobuf";
import type { Interrupt } from "../../domain/cancellation.ts";
import { DomainError, ErrorReason, malformed, tooLarge } from "../../domain/errors.ts";
import { callerGone } from "../../pipeline/call/deadline.ts";
import { isOverlong } from "../http/body/collect.ts";
import type { RequestBody } from "../http/body/request-body.ts";
import type { SentCoding } from "../http/coding.ts";
import { answerCompression, COMPRESS_MIN_BYTES, compress, requestCompression } from "./compression.ts";
import type { Incoming } from "./protocol.ts";
import { wholeText } from "./web-text.ts";

export const HEAD_BYTES = 5;
const COMPRESSED = 0x01;

export interface Reading {
  /** Frames with one of these flags are passed over. */
  readonly skip: number;
  /** Default: `grpc-encoding`. */
  readonly encodingHeader?: string;
  /** Whether the body is text, see web-text.ts. Default: false. */
  readonly text?: boolean;
}

/** Reads the one message of a call. */
export async function receiveOne(
  incoming: Incoming,
  interrupt: () => Interrupt,
  { skip, encodingHeader = "grpc-encoding", text = false }: Reading,
): Promise<Message> {
  const { exchange, method, encoding, codec, readMaxBytes } = incoming;
  const compression = requestCompression(exchange.header(encodingHeader));
  const maxBytes = readMaxBytes + HEAD_BYTES;
  const read = text
    ? await wholeText(exchange.body.pieces(interrupt(), { streams: false, maxBytes }), maxBytes)
    : await exchange.body.wholeOrBeginning(maxBytes, interrupt);
  const bytes = isOverlong(read) ? read.beginning : read;
  const { frames, end, tooLong } = split(bytes, readMaxBytes);
  const left = bytes.byteLength - end;
  // As in Connect's own reading, the head of a frame of which nothing else came is as good as no frame.
  const rest = left >= HEAD_BYTES ? left - HEAD_BYTES : left;
  let message: Message | undefined;
  for (const { flags, data } of frames) {
    checkFlags(flags, skip);
    const expanded = await expand(exchange.body, data, flags, compression, readMaxBytes);
    if ((flags & skip) !== 0) continue;
    const decoded = await codec.decode(method, encoding, expanded);
    if (message !== undefined) throw notOne();
    message = decoded;
  }
  if (tooLong) throw tooLarge(readMaxBytes);
  if (rest > 0 && !(message !== undefined && isOverlong(read))) {
    throw malformed("the body does not have the length that it promises");
  }
  if (message === undefined || rest > 0) {
    if (await exchange.body.isCut()) throw callerGone();
    throw notOne();
  }
  return message;
}

interface Frame {
  readonly flags: number;
  readonly data: Buffer;
}

export interface Split {
  /** The whole frames at the beginning of a body. */
  readonly frames: readonly Frame[];
  /** Where they end. */
  readonly end: number;
  /** Whether the one after them promises more than a message may have: TOO_LARGE, once those before it are read. */
  readonly tooLong: boolean;
}

export function split(bytes: Buffer, readMaxBytes: number): Split {
  const frames: Frame[] = [];
  let offset = 0;
  while (offset + HEAD_BYTES <= bytes.byteLength) {
    const length = bytes.readUInt32BE(offset + 1);
    if (length > readMaxBytes) return { frames, end: offset, tooLong: true };
    const end = offset + HEAD_BYTES + length;
    if (end > bytes.byteLength) break;
    frames.push({ flags: bytes.readUInt8(offset), data: bytes.subarray(offset + HEAD_BYTES, end) });
    offset = end;
  }
  return { frames, end: offset, tooLong: false };
}

/** Refuses flags that the protocol does not have. @param skip the flag that it has beside the one for compression */
export function checkFlags(flags: number, skip: number): void {
  if ((flags & ~(COMPRESSED | skip)) === 0) return;
  throw malformed(`a frame has flags that its protocol does not have: 0x${flags.toString(16).padStart(2, "0")}`);
}

/** The bytes of a message: decompressed, if its flags say so. Throws MALFORMED_BODY, TOO_LARGE or OVERLOADED. */
export async function expand(
  body: RequestBody,
  data: Uint8Array,
  flags: number,
  compression: SentCoding | undefined,
  max: number,
): Promise<Uint8Array> {
  if ((flags & COMPRESSED) === 0) return data;
  if (compression === undefined) throw malformed("a message is marked compressed, but no compression is named");
  return body.expand(data, compression, max);
}

function notOne(): DomainError {
  return new DomainError(ErrorReason.UNSUPPORTED, "the method takes one request message");
}

/** The compression of the response, which is named in its headers whether or not a frame is long enough for it. */
export function compressionOf({ exchange }: Incoming): SentCoding | undefined {
  return answerCompression(exchange.header("grpc-accept-encoding"), exchange.header("grpc-encoding"));
}

/** Puts a message into a frame, compressed if it is long enough. */
export function envelope(
  data: string | Uint8Array,
  flags: number,
  compression: SentCoding | undefined,
): Buffer | Promise<Buffer> {
  const bytes = typeof data === "string" ? Buffer.from(data) : data;
  if (compression === undefined || bytes.byteLength < COMPRESS_MIN_BYTES) return frame(bytes, flags);
  return compress(bytes, compression).then((compressed) => frame(compressed, flags | COMPRESSED));
}

function frame(data: Uint8Array, flags: number): Buffer {
  const framed = Buffer.allocUnsafe(HEAD_BYTES + data.byteLength);
  framed.writeUInt8(flags, 0);
  framed.writeUInt32BE(data.byteLength, 1);
  framed.set(data, HEAD_BYTES);
  return framed;
}
