// Uploads: a form with a file and its purpose, handed on as it comes.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { CreateFileRequest, FileExpiry } from "../../../../gen/colloquy/compat/openai/v1/file_service_pb.ts";
import type { CreateFileRequestSchema } from "../../../../gen/colloquy/v1/file_service_pb.ts";
import { DomainError, invalidField } from "../../../domain/errors.ts";
import { newNameFault } from "../../../domain/files/name.ts";
import { jsonFault } from "../../../domain/parts/json-text.ts";
import { isForm, readForm } from "../../../services/files/form.ts";
import { membersOf, textOf } from "../items/json-members.ts";

const PURPOSES = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];

type Piece = MessageInitShape<typeof CreateFileRequestSchema>;

/**
 * The requests of the canonical upload. Of a form the purpose may come after the file: it is checked at the end, when
 * nothing is kept yet. Throws INVALID_FIELD.
 */
export async function* piecesOf(requests: AsyncIterable<CreateFileRequest>): AsyncGenerator<Piece> {
  const iterator = requests[Symbol.asyncIterator]();
  const { value: first, done } = await iterator.next();
  if (done) throw invalidField("file", "must be given", "required");
  const contentType = first.body?.contentType ?? "";
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield first.body?.data ?? new Uint8Array();
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      yield next.value.body?.data ?? new Uint8Array();
    }
  }
  if (!isForm(contentType)) {
    const purpose = checkPurpose(first.purpose);
    yield { name: checkName(first.filename ?? ""), purpose, ...ttlOf(first.expiresAfter), body: { contentType } };
    for await (const data of chunks()) yield { body: { data: data as Uint8Array<ArrayBuffer> } };
    return;
  }
  const form = await readForm(contentType, chunks()).catch(asFile);
  yield { name: checkName(first.filename || form.name), body: { contentType: form.contentType } };
  try {
    for await (const data of form.bytes) yield { body: { data: data as Uint8Array<ArrayBuffer> } };
  } catch (error) {
    asFile(error);
  }
  const purpose = checkPurpose(first.purpose || form.fields.get("purpose"));
  yield { purpose, ...ttlOf(first.expiresAfter ?? expiryIn(form.fields)) };
}

function checkName(name: string): string {
  const fault = newNameFault(name);
  if (fault !== undefined) throw invalidField("file", fault, "file.name");
  return name;
}

function checkPurpose(purpose = ""): string {
  if (purpose === "") throw invalidField("purpose", "must be given", "required");
  if (!PURPOSES.includes(purpose)) {
    throw invalidField("purpose", `must be one of ${PURPOSES.join(", ")}`, "string.in");
  }
  return purpose;
}

const MIN_TTL_S = 3_600;
const MAX_TTL_S = 30 * 24 * 3_600;

function ttlOf(expiry: Pick<FileExpiry, "seconds"> | undefined): Pick<Piece, "ttl"> {
  return expiry === undefined ? {} : { ttl: durationFromMs(expiry.seconds * 1000) };
}

/** The rules of the request's own field. Throws INVALID_FIELD. */
function expiryIn(fields: ReadonlyMap<string, string>): Pick<FileExpiry, "seconds"> | undefined {
  const said = new Map([...fields].filter(([name]) => name.startsWith("expires_after")));
  if (said.size === 0) return undefined;
  // Some clients write an object as the JSON of one field.
  const whole = jsonMembers(said.get("expires_after"));
  const [anchor, seconds] = ["anchor", "seconds"].map((name) => said.get(`expires_after[${name}]`) ?? whole.get(name));
  if (anchor !== "created_at") throw invalidField("expires_after.anchor", 'must be "created_at"', "string.in");
  const value = /^\d{1,9}$/.test(seconds ?? "") ? Number(seconds) : Number.NaN;
  if (value >= MIN_TTL_S && value <= MAX_TTL_S) return { seconds: value };
  throw invalidField("expires_after.seconds", `must be from ${MIN_TTL_S} to ${MAX_TTL_S}`, "int32.gte_lte");
}

/** The members of a JSON object as texts; none where it is something else. */
function jsonMembers(text = ""): ReadonlyMap<string, string> {
  if (jsonFault(text, "object") !== undefined) return new Map();
  return new Map([...(membersOf(text) ?? [])].map(([name, json]) => [name, textOf(json) ?? json]));
}

/** What is wrong with the files of the form is told of its field. */
function asFile(error: unknown): never {
  const [broken] = error instanceof DomainError ? (error.details.violations ?? []) : [];
  if (broken?.rule !== "form.files") throw error;
  const none = broken.description === "must hold a file";
  throw invalidField("file", none ? "must be given" : "must be one file", none ? "required" : "form.files");
}
