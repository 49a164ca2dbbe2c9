// Request bodies as bytes: read within a limit, decompressed within the same limit.
import { pipeline, Readable } from "node:stream";
import { promisify } from "node:util";
import { brotliDecompress, createBrotliDecompress, createGunzip, createInflate, gunzip, inflate } from "node:zlib";
import { isOverlong, type RequestBody } from "../../../http/read-chunks.ts";
import { type HttpRequest, headerOf } from "../../../http/response.ts";
import type { CallHead } from "../../../pipeline/call.ts";
import { headerProblem } from "../binding/media.ts";
import { RestProblem } from "../binding/problem.ts";

const CODINGS = "gzip, br, deflate";

const decompressors = {
  gzip: { whole: promisify(gunzip), stream: createGunzip },
  "x-gzip": { whole: promisify(gunzip), stream: createGunzip },
  br: { whole: promisify(brotliDecompress), stream: createBrotliDecompress },
  deflate: { whole: promisify(inflate), stream: createInflate },
} as const;

type Decompressor = (typeof decompressors)[keyof typeof decompressors];

/** How the body is compressed; undefined for not at all. Throws a {@link RestProblem} for a coding we do not know. */
function decompressorOf(request: HttpRequest): Decompressor | undefined {
  const coding = headerOf(request, "content-encoding")?.trim().toLowerCase();
  if (coding === undefined || coding === "" || coding === "identity") return undefined;
  if (Object.hasOwn(decompressors, coding)) return decompressors[coding as keyof typeof decompressors];
  // RFC 9110 §15.5.16: say what would have been understood.
  throw headerProblem("unsupported_media_type", "content-encoding", `must be one of ${CODINGS}`, {
    "accept-encoding": CODINGS,
  });
}

/** Whether the request has a body, as far as its head can say. */
export function mayHaveBody(request: HttpRequest): boolean {
  const length = request.headers["content-length"];
  if (length !== undefined) return length !== "0";
  if ("stream" in request) return !request.stream.endAfterHeaders;
  return request.headers["transfer-encoding"] !== undefined;
}

/** Reads the whole body. Throws a {@link RestProblem}: too_large past `limit` bytes; or as {@link RequestBody.whole}. */
export async function readBody(
  request: HttpRequest,
  body: RequestBody,
  limit: number,
  interrupt: () => CallHead["interrupt"],
): Promise<Buffer> {
  const decompressor = decompressorOf(request);
  const declared = Number(request.headers["content-length"]);
  if (declared > limit) throw tooLarge(limit);
  const raw = await body.whole(limit, interrupt);
  if (isOverlong(raw)) throw tooLarge(limit);
  if (decompressor === undefined || raw.byteLength === 0) return raw;
  let expanded: Buffer;
  try {
    expanded = await decompressor.whole(raw, { maxOutputLength: limit });
  } catch (error) {
    throw codeOf(error) === "ERR_BUFFER_TOO_LARGE" ? tooLarge(limit) : undecodable();
  }
  body.charge(expanded.byteLength);
  return expanded;
}

/** The body of many messages piece by piece, decompressed, at the reader's pace. Throws like {@link RequestBody.pieces}. */
export async function* readChunks(
  request: HttpRequest,
  body: RequestBody,
  maxBytes: number,
  interrupt: CallHead["interrupt"],
): AsyncGenerator<Buffer> {
  const decompressor = decompressorOf(request);
  const pieces = body.pieces(interrupt, { streams: true, maxBytes });
  if (decompressor === undefined) return yield* pieces;
  const expanding = decompressor.stream();
  let broken: unknown;
  // What breaks the pieces breaks what is made of them.
  pipeline(Readable.from(pieces), expanding, () => {});
  expanding.once("error", (error) => {
    broken = codeOf(error)?.startsWith("Z_") || codeOf(error)?.startsWith("ERR_") ? undecodable() : error;
  });
  const chunks = expanding[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next();
      if (next.done === true) return;
      body.charge(next.value.byteLength);
      yield next.value;
    }
  } catch (error) {
    throw broken ?? error;
  } finally {
    chunks.return?.().catch(() => {});
  }
}

export function tooLarge(limit: number): RestProblem {
  return new RestProblem("too_large", `a request message may have at most ${limit} bytes, also once decompressed`);
}

function undecodable(): RestProblem {
  return new RestProblem("malformed", "the body is not what its content-encoding says");
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
