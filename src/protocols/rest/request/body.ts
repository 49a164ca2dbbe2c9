// Request bodies as bytes: read within a limit, decompressed within the same limit.
import { DomainError, ErrorReason } from "../../../domain/errors.ts";
import type { CallHead } from "../../../pipeline/call/call.ts";
import { Checksums, checked } from "../../http/body/checksums.ts";
import type { RequestBody } from "../../http/body/request-body.ts";
import { CODINGS, type Coding } from "../../http/coding.ts";
import { type HttpRequest, headerOf } from "../../http/request.ts";
import { headerProblem } from "../binding/media.ts";
import { RestProblem } from "../binding/problem.ts";

const ACCEPTED = [...new Set([...CODINGS.values()].map(({ name }) => name))].join(", ");

/** How the body is compressed; undefined for not at all. Throws a {@link RestProblem} for a coding we do not know. */
function codingOf(request: HttpRequest): Coding | undefined {
  const name = headerOf(request, "content-encoding")?.trim().toLowerCase();
  if (name === undefined || name === "" || name === "identity") return undefined;
  const coding = CODINGS.get(name);
  if (coding !== undefined) return coding;
  // RFC 9110 §15.5.16: say what would have been understood.
  throw headerProblem("unsupported_media_type", "content-encoding", `must be one of ${ACCEPTED}`, {
    "accept-encoding": ACCEPTED,
  });
}

/** Whether the request has a body, as far as its head can say. */
export function mayHaveBody(request: HttpRequest): boolean {
  const length = request.headers["content-length"];
  if (length !== undefined) return length !== "0";
  if ("stream" in request) return !request.stream.endAfterHeaders;
  return request.headers["transfer-encoding"] !== undefined;
}

/**
 * Reads the whole body. Throws a {@link RestProblem}: too_large past `limit` bytes; or as {@link RequestBody.whole}.
 */
export async function readBody(
  request: HttpRequest,
  body: RequestBody,
  limit: number,
  interrupt: () => CallHead["interrupt"],
): Promise<Buffer> {
  const coding = codingOf(request);
  const raw = await body.whole(limit, interrupt, request.headers["content-length"]).catch(told);
  return coding === undefined ? raw : await body.expand(raw, coding, limit).catch(told);
}

/**
 * The body of many messages piece by piece, decompressed, at the reader's pace. Throws like {@link RequestBody.pieces},
 * and INVALID_FIELD behind the last piece of a body that has not the checksums that its head says.
 */
export async function* readChunks(
  request: HttpRequest,
  body: RequestBody,
  maxBytes: number,
  interrupt: CallHead["interrupt"],
): AsyncGenerator<Buffer> {
  const coding = codingOf(request);
  const checksums = Checksums.of((name) => headerOf(request, name));
  const pieces = checked(body.pieces(interrupt, { streams: true, maxBytes }), checksums);
  if (coding === undefined) return yield* pieces;
  try {
    for await (const chunk of coding.expand(pieces)) {
      body.charge(chunk.byteLength);
      yield chunk;
    }
  } catch (error) {
    throw asProblem(error);
  }
}

/** What is wrong with a body, as REST reports it. */
function asProblem(error: unknown): unknown {
  if (!(error instanceof DomainError)) return error;
  if (error.reason === ErrorReason.TOO_LARGE) return new RestProblem("too_large", error.message);
  return error.reason === ErrorReason.MALFORMED_BODY ? new RestProblem("malformed", error.message) : error;
}

function told(error: unknown): never {
  throw asProblem(error);
}
