// Takes the base64 of long data URLs out of a JSON body while it is still bytes: a picture of megabytes is then never part of
// a text that is scanned, parsed, copied and hashed.
import { createHash } from "node:crypto";
import {
  Base64Bytes,
  base64Pieces,
  type InlineBytes,
  type InlineTexts,
  MAX_IN_PLACE,
  STAND_IN,
  standInFor,
} from "../../../../domain/files/inline-bytes.ts";
import { Turns } from "../../../../pipeline/streams/time-slices.ts";

export interface Shortened {
  /** The body with a short text in place of each long one. */
  readonly body: Buffer;
  readonly texts: InlineTexts;
}

const BASE64 = Buffer.from(";base64,");
/** What may stand between a string's quote and the base64, in bytes. */
const MAX_HEAD = 520;
/** So many characters are looked at before anything else is done about what may be base64. */
const SURE = 1024;
/** So many are looked at before others may have a turn. */
const LOOKS = 256;
/** A body of 32 MiB has at most 512 long ones. */
const MAX_LOOKS = 20_000;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Only what would be written again as the same base64 is taken out.
 * @param members the names of members whose whole text may be such base64, besides data URLs anywhere
 */
export async function shortenDataUrls(body: Buffer, members: readonly string[] = []): Promise<Shortened> {
  const texts = new Map<string, InlineBytes>();
  const kept: Buffer[] = [];
  const turns = new Turns();
  const marks = new Marks(body, [BASE64, ...members.map((name) => Buffer.from(JSON.stringify(name)))]);
  let done = 0;
  let end = -1;
  // A client's own word for one of them could not be told from ours.
  let mark = body.includes(STAND_IN) ? undefined : marks.from(0);
  for (let looks = 1; mark !== undefined && looks <= MAX_LOOKS; looks++) {
    if (looks % LOOKS === 0) await turns.next();
    const { at, after, isName } = mark;
    const start = isName ? textOfMember(body, at, after) : after;
    let next = Math.min(start + SURE, body.length);
    const other = otherIn(body, start, next);
    if (other !== -1) next = Math.max(other, after);
    else if (isName || beginsString(body, at)) {
      if (end < start) end = body.indexOf(QUOTE, start);
      if (end === -1) break;
      next = end;
      const found = end - start > MAX_IN_PLACE ? await readBase64(body.subarray(start, end), turns) : undefined;
      if (found !== undefined) {
        const standIn = standInFor(found);
        texts.set(standIn, found);
        kept.push(body.subarray(done, start), Buffer.from(standIn));
        done = end;
      }
    }
    mark = marks.from(next);
  }
  if (texts.size === 0) return { body, texts };
  return { body: Buffer.concat([...kept, body.subarray(done)]), texts };
}

interface Mark {
  readonly at: number;
  readonly after: number;
  /** Of a member; else what stands before the base64 of a data URL. */
  readonly isName: boolean;
}

/** Where one of several marks is next; each is looked for once. */
class Marks {
  readonly #body: Buffer;
  readonly #marks: { readonly bytes: Buffer; readonly isName: boolean; at: number }[];

  /** @param marks that of data URLs first */
  constructor(body: Buffer, marks: readonly Buffer[]) {
    this.#body = body;
    this.#marks = marks.map((bytes, index) => ({ bytes, isName: index > 0, at: -2 }));
  }

  from(from: number): Mark | undefined {
    let first: Mark | undefined;
    for (const mark of this.#marks) {
      if (mark.at !== -1 && mark.at < from) mark.at = this.#body.indexOf(mark.bytes, from);
      const { at, bytes, isName } = mark;
      if (at !== -1 && at < (first?.at ?? Number.POSITIVE_INFINITY)) first = { at, after: at + bytes.length, isName };
    }
    return first;
  }
}

/** Where the text of a member begins, behind its name; the end of the name: it has none, or is the end of another. */
function textOfMember(body: Buffer, at: number, after: number): number {
  if (body[at - 1] === BACKSLASH) return after;
  const between = /^\s{0,16}:\s{0,16}"/.exec(body.toString("latin1", after, after + MAX_BETWEEN))?.[0];
  return between === undefined ? after : after + between.length;
}

/** Colon, quote and white space. */
const MAX_BETWEEN = 40;

/** 1 for each code that base64 in JSON may have: its own, and those of escapes. */
const ALLOWED = Uint8Array.from({ length: 256 }, (_, code) =>
  Number(/[A-Za-z0-9+/=\\]/.test(String.fromCharCode(code))),
);

/** Where something else than base64 is; -1: nowhere between the two. */
function otherIn(body: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) if (ALLOWED[body[at] as number] === 0) return at;
  return -1;
}

/** Whether a string begins with `data:` and goes on to here without a comma. */
function beginsString(body: Buffer, at: number): boolean {
  const before = body.toString("latin1", Math.max(0, at - MAX_HEAD), at);
  const quote = before.lastIndexOf('"');
  return quote > 0 && before[quote - 1] !== "\\" && /^data:(?:[^,\\]|\\\/)*$/i.test(before.slice(quote + 1));
}

async function readBase64(raw: Buffer, turns: Turns): Promise<InlineBytes | undefined> {
  const text = raw.includes(BACKSLASH) ? await unescaped(raw, turns) : raw;
  if (text === undefined || text.length % 4 !== 0) return undefined;
  const hash = createHash("sha256");
  let size = 0;
  for (const piece of base64Pieces(text)) {
    await turns.next();
    const bytes = Buffer.from(piece, "base64");
    if (bytes.toString("base64") !== piece) return undefined;
    hash.update(bytes);
    size += bytes.length;
  }
  return new Base64Bytes(text, size, hash.digest("base64url"));
}

/** So much is unescaped at once, in bytes. */
const PIECE = 256 * 1024;
/** Of the longest escape. */
const ESCAPE = 6;

/** PHP escapes each `/`, and .NET each `+`. Undefined: it is no JSON. */
async function unescaped(raw: Buffer, turns: Turns): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  for (let at = 0; at < raw.length; ) {
    await turns.next();
    let end = Math.min(at + PIECE, raw.length);
    const begun = end === raw.length ? -1 : raw.lastIndexOf(BACKSLASH, end - 1);
    if (begun > end - ESCAPE) end = begun;
    try {
      pieces.push(Buffer.from(JSON.parse(`"${raw.toString("latin1", at, end)}"`) as string, "latin1"));
    } catch {
      return undefined;
    }
    at = end;
  }
  return Buffer.concat(pieces);
}
