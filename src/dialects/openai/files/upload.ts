// Uploads: a form with a file and its purpose, handed on as it comes.
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { CreateFileRequest } from "../../../../gen/colloquy/compat/openai/v1/file_service_pb.ts";
import type { CreateFileRequestSchema } from "../../../../gen/colloquy/v1/file_service_pb.ts";
import { DomainError, invalidField } from "../../../domain/errors.ts";
import { nameFault } from "../../../domain/files/name.ts";
import { isForm, readForm } from "../../../services/files/form.ts";

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
    yield { name: checkName(first.filename ?? ""), purpose: checkPurpose(first.purpose), body: { contentType } };
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
  if ([...form.fields.keys()].some((name) => name.startsWith("expires_after"))) {
    throw invalidField("expires_after", "must be left out: a file is kept as long as an item names it", "file.expires");
  }
  yield { purpose: checkPurpose(first.purpose || form.fields.get("purpose")) };
}

function checkName(name: string): string {
  const fault = nameFault(name);
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

/** What is wrong with the files of the form is told of its field. */
function asFile(error: unknown): never {
  const [broken] = error instanceof DomainError ? (error.details.violations ?? []) : [];
  if (broken?.rule !== "form.files") throw error;
  const none = broken.description === "must hold a file";
  throw invalidField("file", none ? "must be given" : "must be one file", none ? "required" : "form.files");
}
