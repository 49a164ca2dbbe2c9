// DownloadFile: the bytes at the reader's pace, and over REST what a browser may do with them.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DownloadFileRequest, DownloadFileResponseSchema } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { isShown } from "../../domain/files/media-type.ts";
import { dispositionOf } from "../../domain/files/name.ts";
import { rangeOf } from "../../domain/files/range.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import type { Principal } from "../../domain/identity/principal.ts";
import type { ByteRange, ByteStore, FileKey } from "../../files/byte-store.ts";
import type { Hints } from "../../live/hints/hints.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import type { FileRow } from "../../store/files/files.ts";
import { findFile } from "./find.ts";
import { FileWatch } from "./watch.ts";

export interface DownloadParts {
  readonly database: Database;
  /** Wake a download when a conversation changes. */
  readonly hints: Pick<Hints, "listen">;
  readonly bytes: ByteStore;
  /** Says again who calls, or throws as authentication does. */
  readonly renew: (context: CallContext) => Promise<Principal> | Principal;
}

type Piece = MessageInitShape<typeof DownloadFileResponseSchema>;

export async function* downloadFile(
  parts: DownloadParts,
  request: DownloadFileRequest,
  context: CallContext,
): AsyncGenerator<Piece> {
  const caller = callerFrom(context.principal);
  const watch = new FileWatch(parts.database, parts.hints, caller.tenantId);
  try {
    yield* download(parts, request, context, caller, watch);
  } finally {
    watch.close();
  }
}

async function* download(
  { database, bytes, renew }: DownloadParts,
  request: DownloadFileRequest,
  context: CallContext,
  caller: Caller,
  watch: FileWatch,
): AsyncGenerator<Piece> {
  const row = await findFile(database, caller, request, context.interrupt);
  if (context.wire === "rest") requireMatch(context.header("if-match"), etagOf(row));
  const size = Number(row.size);
  const contentType = row.media_type;
  const key = { tenantId: caller.tenantId, id: row.id };
  if (context.wire === "rest" && redirects(bytes, row, request, context)) {
    yield await redirect(bytes.link, key, row, context);
    return;
  }
  const range = context.wire === "rest" ? answerOverRest(row, size, request, context) : rangeAsked(request, size);
  if (range === undefined || range.length === 0) {
    yield { body: { contentType: range === undefined ? "" : contentType, data: new Uint8Array() } };
    return;
  }
  // What is sent asks for more once the socket has all of the last piece; other wires copy each into a message.
  for await (const piece of bytes.read(key, range, { reuse: true })) {
    if (await watch.isDue(row.id))
      await findFile(database, callerFrom(await renew(context)), request, context.interrupt);
    yield { body: { contentType, data: piece as Uint8Array<ArrayBuffer> } };
  }
}

function rangeAsked({ offset, length }: DownloadFileRequest, size: number): ByteRange {
  if (Number(offset) > size)
    throw invalidField("offset", `must be at most ${size}, the size of the file`, "offset.max");
  const rest = size - Number(offset);
  return { offset: Number(offset), length: length === 0n ? rest : Math.min(Number(length), rest) };
}

/**
 * Sets the headers and the status. Undefined: no bytes are to be sent. What is not sure to be harmless in a browser is
 * saved and not shown, and what is shown runs nothing and loads nothing.
 */
function answerOverRest(
  row: FileRow,
  size: number,
  request: DownloadFileRequest,
  context: CallContext,
): ByteRange | undefined {
  const etag = etagOf(row);
  context.setHeader("etag", etag);
  context.setHeader("accept-ranges", "bytes");
  context.setHeader("last-modified", row.create_time.toUTCString());
  // Whoever may not see it any more must not find it in a cache.
  context.setHeader("cache-control", "private, no-cache");
  context.setHeader("x-content-type-options", "nosniff");
  context.setHeader("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox");
  context.setHeader("cross-origin-resource-policy", "cross-origin");
  context.setHeader("content-disposition", disposition(row));
  if (knows(context.header("if-none-match"), etag)) {
    context.setStatus(304);
    return undefined;
  }
  if (request.offset !== 0n || request.length !== 0n) {
    const range = rangeAsked(request, size);
    context.setHeader("content-length", String(range.length));
    return range;
  }
  const ifRange = context.header("if-range");
  // RFC 9110 §14.2: only GET has ranges.
  const isOfThis = !context.headersOnly && (ifRange === undefined || ifRange.trim() === etag);
  const asked = rangeOf(isOfThis ? context.header("range") : undefined, size);
  if (asked === "unsatisfiable") {
    context.setHeader("content-range", `bytes */${size}`);
    context.setHeader("content-length", "0");
    context.setStatus(416);
    return undefined;
  }
  if (asked === "none") {
    context.setHeader("content-length", String(size));
    return { offset: 0, length: size };
  }
  context.setHeader("content-range", `bytes ${asked.offset}-${asked.offset + asked.length - 1}/${size}`);
  context.setHeader("content-length", String(asked.length));
  context.setStatus(206);
  return asked;
}

/**
 * A link is signed for GET. Not where the response has no bytes, or a part of them that the request's own fields name.
 */
function redirects(
  bytes: ByteStore,
  row: FileRow,
  { offset, length }: DownloadFileRequest,
  context: CallContext,
): bytes is ByteStore & Required<Pick<ByteStore, "link">> {
  const whole = offset === 0n && length === 0n && row.size > 0n && !context.headersOnly;
  return bytes.link !== undefined && whole && !knows(context.header("if-none-match"), etagOf(row));
}

/** The client asks the link for the same range: it sends its headers again, but for the credential. */
async function redirect(
  link: NonNullable<ByteStore["link"]>,
  key: FileKey,
  row: FileRow,
  context: CallContext,
): Promise<Piece> {
  const contentDisposition = disposition(row);
  const url = await link(key, { contentType: row.media_type, contentDisposition });
  context.setStatus(302);
  context.setHeader("location", url);
  context.setHeader("content-length", "0");
  context.setHeader("cache-control", "private, no-store");
  // Whoever has the link has the bytes.
  context.setHeader("referrer-policy", "no-referrer");
  return { body: { contentType: "", data: new Uint8Array() } };
}

function etagOf({ sha256 }: FileRow): string {
  return `"${sha256.toString("hex")}"`;
}

function disposition({ media_type: type, name }: FileRow): string {
  return dispositionOf(isShown(type) ? "inline" : "attachment", name);
}

/** Throws ETAG_MISMATCH unless `If-Match` names the tag, or is not there (RFC 9110 §13.1.1, which compares strongly). */
function requireMatch(header: string | undefined, etag: string): void {
  if (header === undefined || header.split(",").some((tag) => tag.trim() === "*" || tag.trim() === etag)) return;
  throw new DomainError(ErrorReason.ETAG_MISMATCH, "If-Match names none of the versions of the file");
}

/** Whether `If-None-Match` names the tag (RFC 9110 §13.1.2, which compares weakly). */
function knows(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
