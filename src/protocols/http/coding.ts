// The content codings (RFC 9110 §8.4.1), for bodies and for single messages, whole and streamed.
import { pipeline, Readable, type Transform } from "node:stream";
import { promisify } from "node:util";
import {
  brotliCompress,
  brotliDecompress,
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  gunzip,
  gunzipSync,
  gzip,
  type InputType,
  inflate,
  inflateSync,
  type ZlibOptions,
} from "node:zlib";
import { DomainError, malformed, tooLarge } from "../../domain/errors.ts";
import { acceptCoding } from "./accept.ts";

/** `quick` is for messages between services on one network, `small` for responses to everyone. */
export type Effort = "quick" | "small";

/** How a body may come. */
export interface Coding {
  readonly name: string;
  /**
   * Throws TOO_LARGE as soon as the output passes `max` bytes, MALFORMED_BODY for damage and for bytes after the end.
   */
  decompress(bytes: Uint8Array, max: number): Promise<Buffer>;
  /** The same piece by piece, without a limit. Throws MALFORMED_BODY and what the pieces throw. */
  expand(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer>;
}

/** How one may also be sent. */
export interface SentCoding extends Coding {
  readonly name: "gzip" | "br";
  compress(bytes: string | Uint8Array, effort: Effort): Promise<Buffer>;
}

type ZlibError = Error & { code?: string };
interface Decompress {
  readonly later: (
    input: InputType,
    options: ZlibOptions,
    done: (error: ZlibError | null, result: Buffer) => void,
  ) => void;
  readonly atOnce: (input: InputType, options: ZlibOptions) => Buffer;
}

const GUNZIP = { later: gunzip, atOnce: gunzipSync } as Decompress;
const UNBROTLI = { later: brotliDecompress, atOnce: brotliDecompressSync } as unknown as Decompress;
const INFLATE = { later: inflate, atOnce: inflateSync } as Decompress;

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

// About as fast as gzip and smaller; the default of 11 is for files.
const QUALITY = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

export const GZIP: SentCoding = {
  name: "gzip",
  compress: (bytes, effort) => gzipAsync(bytes, { level: effort === "quick" ? constants.Z_BEST_SPEED : 6 }),
  decompress: (bytes, max) => decompress(GUNZIP, bytes, max),
  expand: (pieces) => expand(pieces, createGunzip()),
};
export const BROTLI: SentCoding = {
  name: "br",
  compress: (bytes) => brotliAsync(bytes, QUALITY),
  decompress: (bytes, max) => decompress(UNBROTLI, bytes, max),
  expand: (pieces) => expand(pieces, createBrotliDecompress()),
};
const DEFLATE: Coding = {
  name: "deflate",
  decompress: (bytes, max) => decompress(INFLATE, bytes, max),
  expand: (pieces) => expand(pieces, createInflate()),
};

/** Every coding by the names that a request may call it. */
export const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ["gzip", GZIP],
  ["br", BROTLI],
  ["deflate", DEFLATE],
  // RFC 9110 §8.4.1.3: an old name.
  ["x-gzip", GZIP],
]);

/** Shorter bodies travel in one packet anyway. Bytes. */
export const WORTHWHILE_BYTES = 1400;

const SENT = [BROTLI.name, GZIP.name] as const;

export interface Encoded {
  readonly coding: SentCoding["name"] | "identity";
  readonly body: string | Uint8Array;
}

/** The body in the coding that `Accept-Encoding` prefers, if that makes it smaller. */
export async function compressAsAccepted(body: string | Uint8Array, header: string | undefined): Promise<Encoded> {
  const coding = acceptCoding(header, SENT);
  if (coding === "identity") return { coding, body };
  const compressed = await (coding === "gzip" ? GZIP : BROTLI).compress(body, "small");
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  return compressed.byteLength < length ? { coding, body: compressed } : { coding: "identity", body };
}

interface Decompressed {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}

/**
 * To hand a small body to another thread and back takes six times as long as to decompress it: so short a body is tried
 * here, up to so much output, which holds the loop for less than a tenth of a millisecond. Bytes.
 */
const SMALL_BYTES = 1024;
const SMALL_OUTPUT_BYTES = 16_384;

async function decompress(algorithm: Decompress, bytes: Uint8Array, max: number): Promise<Buffer> {
  if (bytes.byteLength === 0) return Buffer.alloc(0);
  try {
    return wholeOf(bytes, atOnce(algorithm, bytes, max) ?? (await later(algorithm, bytes, max)));
  } catch (error) {
    if (error instanceof DomainError) throw error;
    throw isTooLong(error) ? tooLarge(max) : damaged();
  }
}

/** Undefined: it is not small, or what comes of it is not. */
function atOnce(algorithm: Decompress, bytes: Uint8Array, max: number): Buffer | undefined {
  if (bytes.byteLength > SMALL_BYTES) return undefined;
  try {
    return algorithm.atOnce(bytes, optionsFor(Math.min(max, SMALL_OUTPUT_BYTES)));
  } catch (error) {
    if (isTooLong(error) && max > SMALL_OUTPUT_BYTES) return undefined;
    throw error;
  }
}

function later(algorithm: Decompress, bytes: Uint8Array, max: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    algorithm.later(bytes, optionsFor(max), (error, result) => (error === null ? resolve(result) : reject(error)));
  });
}

const optionsFor = (maxOutputLength: number) => ({ maxOutputLength, info: true }) as ZlibOptions;
const isTooLong = (error: unknown) => (error as ZlibError).code === "ERR_BUFFER_TOO_LARGE";

function wholeOf(bytes: Uint8Array, result: Buffer): Buffer {
  const { buffer, engine } = result as unknown as Decompressed;
  if (engine.bytesWritten < bytes.byteLength) throw malformed("the compressed body is followed by other bytes");
  return buffer;
}

async function* expand(pieces: AsyncIterable<Uint8Array>, expanding: Transform): AsyncGenerator<Buffer> {
  let broken: unknown;
  // What breaks the pieces breaks what is made of them.
  pipeline(Readable.from(pieces), expanding, () => {});
  expanding.once("error", (error: Error & { code?: string }) => {
    broken = /^(?:Z_|ERR_)/.test(error.code ?? "") ? damaged() : error;
  });
  const chunks = expanding[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next();
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    throw broken ?? error;
  } finally {
    chunks.return?.().catch(() => {});
  }
}

function damaged() {
  return malformed("the body is not what its content-encoding says");
}
