// gRPC-Web in text: base64 around the frames of a body, for clients that can read a response while it comes only as
// text. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md, "Text-encoded (response) streams"
import { malformed } from "../../domain/errors.ts";
import type { Overlong } from "../http/body/collect.ts";
import { Pieces } from "../http/body/pieces.ts";

type Header = (name: string) => string | undefined;

const TEXT_TYPE = /^(application\/grpc-web)-text(?:-base64)?(?=[+;]|$)/i;
const NAMED_TYPE = /application\/grpc-web(?:(-text)(?:-base64)?)?(?=[+;,\s]|$)/i;

/** Whether a request is text. */
export function isText(header: Header): boolean {
  return TEXT_TYPE.test(header("content-type") ?? "");
}

/**
 * Whether the response is to be text: the first type of gRPC-Web in `accept` says so; where there is none, it is as the
 * request.
 */
export function wantsText(header: Header): boolean {
  const named = NAMED_TYPE.exec(header("accept") ?? "");
  return named === null ? isText(header) : named[1] !== undefined;
}

/** The content type of what the text stands for; any other is given back as it is. */
export function binaryType(contentType: string): string {
  return contentType.replace(TEXT_TYPE, "$1");
}

/** A piece of a body as text. It ends with its padding, so that a client can decode it at once. */
export function toText(piece: Uint8Array): string {
  return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString("base64");
}

/** The same for pieces as they come. */
export async function* textPieces(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Buffer.from(toText(piece));
}

/**
 * The bytes of a text that comes in any pieces. Throws MALFORMED_BODY, after what came before the damage: of two faults
 * in a stream the first is told, however the text was cut.
 */
export async function* bytesOfText(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const decoder = new TextBodyDecoder();
  for await (const piece of pieces) {
    const bytes = decoder.decode(piece);
    if (bytes.byteLength > 0) yield bytes;
    if (decoder.damaged) throw notBase64();
  }
  decoder.end();
}

/** All bytes of a text, or their beginning as soon as they are more than `maxBytes`. Throws MALFORMED_BODY. */
export async function wholeText(pieces: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Buffer | Overlong> {
  const body = new Pieces();
  for await (const bytes of bytesOfText(pieces)) {
    body.push(bytes);
    if (body.size > maxBytes) return { beginning: body.join() };
  }
  return body.join();
}

const PADDING = 64;
const INVALID = 255;
/** What a character stands for (RFC 4648 §4). */
const VALUES = new Uint8Array(256).fill(INVALID);
for (const [value, char] of Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=").entries()) {
  VALUES[char.charCodeAt(0)] = value;
}

/**
 * Decodes base64 that is cut anywhere, and padded wherever its sender flushed: each four characters stand for one to
 * three bytes. Node's own decoder ends at the first padding, and ignores what is not base64.
 */
class TextBodyDecoder {
  /** How many characters of the four have come, how many of them are padding, and the bits of the others. */
  #chars = 0;
  #padding = 0;
  #bits = 0;
  #damaged = false;

  /** Whether there was something that is not base64; everything before it was returned. */
  get damaged(): boolean {
    return this.#damaged;
  }

  decode(piece: Uint8Array): Buffer {
    const bytes = Buffer.allocUnsafe(((this.#chars + piece.byteLength) >> 2) * 3);
    let [chars, padding, bits, at] = [this.#chars, this.#padding, this.#bits, 0];
    for (let i = 0; i < piece.byteLength; i++) {
      const value = VALUES[piece[i] as number] as number;
      if (value === PADDING && chars >= 2) padding++;
      else if (value >= PADDING || padding > 0) {
        this.#damaged = true;
        break;
      }
      bits = (bits << 6) | (value & 63);
      if (++chars < 4) continue;
      bytes[at++] = bits >> 16;
      if (padding < 2) bytes[at++] = bits >> 8;
      if (padding < 1) bytes[at++] = bits;
      chars = padding = bits = 0;
    }
    this.#chars = chars;
    this.#padding = padding;
    this.#bits = bits;
    return bytes.subarray(0, at);
  }

  end(): void {
    if (this.#chars > 0) throw notBase64();
  }
}

function notBase64(): Error {
  return malformed("the body must be base64 with its padding");
}
