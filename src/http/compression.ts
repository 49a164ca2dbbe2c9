// The compressions that messages may come and go in. A damaged or overlong one is the sender's fault, and said so.
import { promisify } from "node:util";
import { brotliCompress, brotliDecompress, constants, gunzip, gzip, type InputType, type ZlibOptions } from "node:zlib";
import type { Compression } from "@connectrpc/connect/protocol";
import { DomainError, ErrorReason } from "../domain/errors.ts";

interface Decompressed {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}
type Decompress = (
  input: InputType,
  options: ZlibOptions,
  done: (error: (Error & { code?: string }) | null, result: Buffer) => void,
) => void;

export const compressions: readonly Compression[] = [
  {
    name: "gzip",
    // Speed, for the answers are made for callers on the same network.
    compress: (bytes) => asBytes(promisify(gzip)(bytes, { level: constants.Z_BEST_SPEED })),
    decompress: (bytes, max) => decompress(gunzip as Decompress, bytes, max),
  },
  {
    name: "br",
    compress: (bytes) => asBytes(promisify(brotliCompress)(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })),
    decompress: (bytes, max) => decompress(brotliDecompress as unknown as Decompress, bytes, max),
  },
];

/** Throws TOO_LARGE as soon as the output passes `max` bytes, MALFORMED_BODY for damage and for bytes after the end. */
function decompress(algorithm: Decompress, bytes: Uint8Array, max: number): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes.byteLength === 0) return Promise.resolve(new Uint8Array(0));
  return new Promise((resolve, reject) => {
    algorithm(bytes, { maxOutputLength: max, info: true } as ZlibOptions, (error, result) => {
      if (error?.code === "ERR_BUFFER_TOO_LARGE") return reject(tooLarge(max));
      if (error !== null) return reject(malformed("the compressed body is damaged"));
      const { buffer, engine } = result as unknown as Decompressed;
      if (engine.bytesWritten < bytes.byteLength)
        return reject(malformed("the compressed body is followed by other bytes"));
      resolve(buffer as Uint8Array as Uint8Array<ArrayBuffer>);
    });
  });
}

async function asBytes(compressed: Promise<Buffer>): Promise<Uint8Array<ArrayBuffer>> {
  return (await compressed) as Uint8Array as Uint8Array<ArrayBuffer>;
}

export function tooLarge(max: number): DomainError {
  return new DomainError(
    ErrorReason.TOO_LARGE,
    `a request message may have at most ${max} bytes, also once decompressed`,
  );
}

export function malformed(message: string, cause?: unknown): DomainError {
  return new DomainError(ErrorReason.MALFORMED_BODY, message, { cause });
}
