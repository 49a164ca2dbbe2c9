// Compression of whole answers, when it is asked for and worthwhile.
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { acceptCoding, type Coding } from "./accept.ts";

/** Shorter bodies travel in one packet anyway. Bytes. */
export const WORTHWHILE_BYTES = 1400;

const gzipAsync = promisify(gzip);
const brotliAsync = promisify(brotliCompress);

export interface Encoded {
  readonly coding: Coding;
  readonly body: string | Uint8Array;
}

/** The body in the coding that the client likes best, if that makes it smaller. */
export async function compress(body: string | Uint8Array, acceptEncoding: string | undefined): Promise<Encoded> {
  const coding = acceptCoding(acceptEncoding);
  if (coding === "identity") return { coding, body };
  const compressed =
    coding === "gzip"
      ? await gzipAsync(body, { level: 6 })
      : // Quality 4 is about as fast as gzip and smaller; the default of 11 is for files.
        await brotliAsync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } });
  const length = typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
  return compressed.byteLength < length ? { coding, body: compressed } : { coding: "identity", body };
}
