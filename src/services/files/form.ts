// Reads the one file of a form (multipart/form-data, RFC 7578) as it comes, at the pace of who takes its bytes.
import type { Readable } from "node:stream";
import type { BusboyInstance } from "@fastify/busboy";
import { invalidField, malformed } from "../../domain/errors.ts";

/** A file that comes in a form. */
export interface FormFile {
  readonly name: string;
  readonly contentType: string;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** The text fields; all of them once the bytes have ended. */
  readonly fields: ReadonlyMap<string, string>;
  /** To be called by who does not read the bytes to their end: the form would wait for ever. */
  leave(): void;
}

const LIMITS = {
  fields: 32,
  fieldNameSize: 100,
  fieldSize: 16 * 1024,
  parts: 40,
  headerPairs: 20,
  headerSize: 16 * 1024,
};

export function isForm(contentType: string): boolean {
  return /^\s*multipart\/form-data\s*(?:;|$)/i.test(contentType);
}

/**
 * Resolves when the file begins. Throws MALFORMED_BODY for what is no form, and INVALID_FIELD for one without a file or
 * with two.
 */
export async function readForm(contentType: string, chunks: AsyncIterable<Uint8Array>): Promise<FormFile> {
  // Loaded with the first form.
  const { Busboy } = await import("@fastify/busboy");
  let form: BusboyInstance;
  try {
    form = new Busboy({ headers: { "content-type": contentType }, limits: LIMITS });
  } catch (error) {
    throw malformed("the form has no boundary in its content type", error);
  }
  const fields = new Map<string, string>();
  const begun = Promise.withResolvers<FormFile>();
  const over = Promise.withResolvers<void>();
  over.promise.catch(() => {});
  const left = Promise.withResolvers<void>();
  let stream: Readable | undefined;
  const fail = (error: Error) => {
    over.reject(error);
    begun.reject(error);
    stream?.destroy(error);
  };
  form.on("field", (name, value) => {
    if (fields.has(name)) fail(invalidField(name, "must be given once", "form.once"));
    fields.set(name, value);
  });
  form.on("file", (_field, file, said, _encoding, type) => {
    // An input for a file in which none was chosen.
    if (said === "") return void file.resume();
    const name = said ?? "";
    if (stream !== undefined) {
      // It would wait for a reader.
      file.resume();
      fail(invalidField("body", "must hold one file", "form.files"));
      return;
    }
    stream = file;
    // What is wrong is told by `over`.
    file.on("error", () => {});
    begun.resolve({
      name,
      contentType: type,
      bytes: bytesOf(file, over.promise, left.resolve),
      fields,
      leave: left.resolve,
    });
  });
  form.on("finish", () => {
    over.resolve();
    begun.reject(invalidField("body", "must hold a file", "form.files"));
  });
  // Busboy would leave out what is over, the file too.
  const tooMany = () =>
    fail(invalidField("body", `must have at most ${LIMITS.fields} fields beside its file`, "form.fields"));
  form.on("fieldsLimit", tooMany).on("partsLimit", tooMany);
  form.on("error", (error) => fail(malformed("the form cannot be read", error)));
  void feed(form, chunks, left.promise).catch(fail);
  return begun.promise;
}

/** @param leave called when their reader leaves before the end */
async function* bytesOf(file: Readable, over: Promise<void>, leave: () => void): AsyncGenerator<Uint8Array> {
  let ended = false;
  try {
    yield* file as AsyncIterable<Buffer>;
    ended = true;
  } catch {
    // Told below.
    ended = true;
  } finally {
    if (!ended) leave();
  }
  await over;
}

/**
 * Hands on the chunks as fast as the form takes them.
 *
 * @param left resolves when nobody takes what the form gives: it would wait for ever
 */
async function feed(form: BusboyInstance, chunks: AsyncIterable<Uint8Array>, left: Promise<void>): Promise<void> {
  let gone = false;
  const leaving = left.then(() => {
    gone = true;
  });
  for await (const chunk of chunks) {
    if (form.destroyed || form.writableEnded) return;
    const written = new Promise<void>((resolve, reject) => {
      form.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    written.catch(() => {});
    await Promise.race([written, leaving]);
    if (gone) {
      form.destroy();
      return;
    }
  }
  form.end();
}
