// What a stream of requests uploads: the bytes as they are, or the file of a form.
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { CreateFileRequest } from "../../../gen/colloquy/v1/file_service_pb.ts";
import { type DomainError, invalidField } from "../../domain/errors.ts";
import { newNameFault } from "../../domain/files/name.ts";
import { isForm, readForm } from "./form.ts";

/** What is uploaded, before its bytes. */
export interface Upload {
  /** Read when the bytes have ended: a form may say it after them. */
  name(): string;
  /** Likewise. */
  purpose(): string;
  /** In milliseconds; undefined: as long as a message names it. Likewise. */
  ttlMs(): number | undefined;
  readonly contentType: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Whether nobody else has the memory of the bytes. */
  readonly isOwn: boolean;
  /** To be called once nobody reads the bytes any more. */
  readonly leave?: () => void;
}

interface Begun {
  readonly first: CreateFileRequest | undefined;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** What has come so far. */
  readonly said: Pick<Upload, "purpose" | "ttlMs">;
}

/**
 * The first request, and the bytes of all. Throws INVALID_FIELD where a later one says otherwise what the first one
 * says.
 */
export async function begin(requests: AsyncIterable<CreateFileRequest>): Promise<Begun> {
  const iterator = requests[Symbol.asyncIterator]();
  const { value: first, done } = await iterator.next();
  let purpose = done ? "" : first.purpose;
  let ttl = done ? undefined : first.ttl;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    if (done) return;
    try {
      yield first.body?.data ?? new Uint8Array();
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        purpose = next.value.purpose || purpose;
        ttl = next.value.ttl ?? ttl;
        checkLater(first, next.value);
        yield next.value.body?.data ?? new Uint8Array();
      }
    } finally {
      // What the requests come from may hold a file open.
      await iterator.return?.();
    }
  }
  return {
    first: done ? undefined : first,
    chunks: chunks(),
    said: { purpose: () => purpose, ttlMs: () => ttl && durationMs(ttl) },
  };
}

/**
 * What counts in the first request alone is empty in the later ones, or the same: it is never dropped without a word.
 */
function checkLater(first: CreateFileRequest, later: CreateFileRequest): void {
  const said = [
    ["name", first.name, later.name],
    ["request_id", first.requestId, later.requestId],
    ["body.content_type", first.body?.contentType, later.body?.contentType],
  ] as const;
  const other = said.find(([, before = "", now = ""]) => now !== "" && now !== before);
  if (other !== undefined) throw invalidField(other[0], "must be given in the first message", "file.first");
}

/**
 * What the requests upload. Throws INVALID_FIELD for a name, a purpose or a time to live that breaks a rule.
 *
 * @param isOwn whether each request has its bytes for itself
 */
export async function uploadOf(
  first: CreateFileRequest | undefined,
  bytes: AsyncIterable<Uint8Array>,
  said: Begun["said"],
  isOwn: boolean,
): Promise<Upload> {
  const { name = "", body } = first ?? {};
  const contentType = body?.contentType ?? "";
  checkName(name);
  checkType(contentType);
  if (!isForm(contentType)) return { ...said, name: () => name, contentType, bytes, isOwn };
  const form = await readForm(contentType, bytes);
  return {
    name: () => checkName(sameAs("name", name, form.fields.get("name")) || form.name),
    purpose: () => checkPurpose(sameAs("purpose", said.purpose(), form.fields.get("purpose"))),
    ttlMs() {
      const text = form.fields.get("ttl");
      const [own, ofForm] = [said.ttlMs(), text === undefined ? undefined : readTtl(text)];
      if (own !== undefined && ofForm !== undefined && own !== ofForm) throw notTheSame("ttl");
      return own ?? ofForm;
    },
    contentType: form.contentType,
    bytes: form.bytes,
    isOwn: false,
    leave: () => form.leave(),
  };
}

/** What a field says that may stand in the query and in the form. Empty: neither does. */
function sameAs(field: string, own: string, ofForm = ""): string {
  if (own !== "" && ofForm !== "" && own !== ofForm) throw notTheSame(field);
  return own || ofForm;
}

function notTheSame(field: string): DomainError {
  return invalidField(field, "must be the same in the query and in the form", "form.same");
}

export function checkName(name: string, field = "name"): string {
  const fault = newNameFault(name);
  if (fault !== undefined) throw invalidField(field, fault, "file.name");
  return name;
}

const MIN_TTL_S = 60;
const MAX_TTL_S = 366 * 24 * 3600;

/**
 * A time to live as a text, like JSON's of the request's own field, whose rule it has. In milliseconds. Throws
 * INVALID_FIELD, also for an empty one: a file that was to expire would be kept.
 */
export function readTtl(text: string, field = "ttl"): number {
  const seconds = /^\d{1,9}(\.\d{1,9})?s$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN;
  if (seconds >= MIN_TTL_S && seconds <= MAX_TTL_S) return Math.round(seconds * 1000);
  const rule = `must be from ${MIN_TTL_S} to ${MAX_TTL_S} seconds, such as "86400s"`;
  throw invalidField(field, rule, "duration.gte_lte");
}

const MAX_TYPE = 1024;

/** A media type has at most 255 characters; the rest is for parameters, which are dropped. */
function checkType(contentType: string): void {
  if (contentType.length <= MAX_TYPE) return;
  throw invalidField("body.content_type", `must be at most ${MAX_TYPE} characters`, "string.max_len");
}

const MAX_PURPOSE = 64;

/** The rule of the request's own field. */
export function checkPurpose(purpose: string): string {
  if ([...purpose].length <= MAX_PURPOSE && !purpose.includes("\0")) return purpose;
  throw invalidField("purpose", `must be at most ${MAX_PURPOSE} characters, without NUL`, "string.max_len");
}
