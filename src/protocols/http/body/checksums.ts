// The checksums that a request says its body has: Content-MD5, Content-Digest and Repr-Digest (RFC 9530), the older
// Digest (RFC 3230), and Upload-Checksum of tus. They are those of the bytes as they are sent, also where these are
// compressed.
import { createHash, type Hash } from "node:crypto";
import { invalidField } from "../../../domain/errors.ts";

/** By the names of HTTP; those of tus are Node's. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  md5: "md5",
  sha: "sha1",
  "sha-256": "sha256",
  "sha-512": "sha512",
};
/** In the order in which a server of tus names them: the one that every client has first. */
export const TUS_ALGORITHMS: readonly string[] = ["sha1", "sha256", "sha512", "md5"];

interface Form {
  /** A member of the list that the header is: the name of the algorithm, unless the header has one only, and base64. */
  readonly member: RegExp;
  readonly example: string;
  readonly algorithmOf: (name: string) => string | undefined;
  readonly names: readonly string[];
}

const byHttp = { algorithmOf: (name: string) => ALGORITHMS[name.toLowerCase()], names: Object.keys(ALGORITHMS) };
const structured: Form = {
  ...byHttp,
  member: /^([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]+={0,2}):(?:;.*)?$/,
  example: "sha-256=:base64:",
};
/** Of every request. */
const HTTP_FORMS: Readonly<Record<string, Form>> = {
  "content-md5": {
    member: /^()([A-Za-z0-9+/]+={0,2})$/,
    example: "base64",
    algorithmOf: () => "md5",
    names: [],
  },
  "content-digest": structured,
  "repr-digest": structured,
  digest: { ...byHttp, member: /^([A-Za-z0-9-]+)=([A-Za-z0-9+/]+={0,2})$/, example: "sha-256=base64" },
};
const TUS_FORMS: Readonly<Record<string, Form>> = {
  ...HTTP_FORMS,
  "upload-checksum": {
    member: /^(\S+) ([A-Za-z0-9+/]+={0,2})$/,
    example: "sha1 base64",
    algorithmOf: (name) => TUS_ALGORITHMS.find((known) => known === name),
    names: TUS_ALGORITHMS,
  },
};

interface Said {
  readonly header: string;
  readonly algorithm: string;
  readonly digest: Buffer;
}

/** What one header says of the body. Throws INVALID_FIELD where nothing of it could be checked. */
function read(header: string, value: string, { member, example, algorithmOf, names }: Form): Said[] {
  const members = value.split(",").map((part) => member.exec(part.trim()));
  const said = members.flatMap((match) => {
    if (match === null) throw invalidField(header, `must be such as ${example}`, "checksum.form");
    const algorithm = algorithmOf(match[1] ?? "");
    return algorithm === undefined ? [] : [{ header, algorithm, digest: Buffer.from(match[2] ?? "", "base64") }];
  });
  if (said.length === 0) throw invalidField(header, `must have one of ${names.join(", ")}`, "checksum.algorithm");
  return said;
}

/** The checksums of one body, while it is read. */
export class Checksums {
  readonly #said: readonly Said[];
  readonly #hashes: ReadonlyMap<string, Hash>;

  private constructor(said: readonly Said[]) {
    this.#said = said;
    this.#hashes = new Map(said.map(({ algorithm }) => [algorithm, createHash(algorithm)]));
  }

  /** Undefined: the request says none. Throws INVALID_FIELD where one cannot be checked. */
  static of(header: (name: string) => string | undefined, kind: "http" | "tus" = "http"): Checksums | undefined {
    const forms = Object.entries(kind === "tus" ? TUS_FORMS : HTTP_FORMS);
    const said = forms.flatMap(([name, form]) => {
      const value = header(name);
      return value === undefined ? [] : read(name, value, form);
    });
    return said.length === 0 ? undefined : new Checksums(said);
  }

  /** The same pieces. */
  async *over(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      // Before it is handed on: its memory may be given away.
      for (const hash of this.#hashes.values()) hash.update(piece);
      yield piece;
    }
  }

  /** The header that says another checksum than that of what was read; undefined: none does. To be called once. */
  wrong(): string | undefined {
    const digests = new Map([...this.#hashes].map(([algorithm, hash]) => [algorithm, hash.digest()]));
    return this.#said.find(({ algorithm, digest }) => !digests.get(algorithm)?.equals(digest))?.header;
  }
}

/** The pieces of a body. Throws INVALID_FIELD behind the last one if the request says another checksum. */
export async function* checked(
  pieces: AsyncIterable<Buffer>,
  checksums: Checksums | undefined,
): AsyncGenerator<Buffer> {
  if (checksums === undefined) return yield* pieces;
  yield* checksums.over(pieces);
  const header = checksums.wrong();
  if (header !== undefined) throw wrongChecksum(header);
}

export function wrongChecksum(header: string) {
  return invalidField(header, "must be that of the bytes that have come", "checksum");
}
