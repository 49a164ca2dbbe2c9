// Files of a request to a model, whose bytes are read while the request is sent: in its JSON a short text stands for the
// base64 of each, so that no request holds more than a piece of them, whatever their size.
import { randomUUID } from "node:crypto";
import type { LongBody } from "../../outbound/bounded-fetch.ts";

export interface StreamedFile {
  /** In bytes. */
  readonly size: number;
  read(): AsyncIterable<Uint8Array>;
}

const STAND_IN = /~file:[\da-f-]{36}:\d+:(\d+)~/;

/** The files of one request. */
export class StreamedFiles {
  /** Nobody who writes in a conversation knows it. */
  readonly #mark = randomUUID();
  readonly #files = new Map<string, StreamedFile>();

  /** What stands for the base64 of a file. */
  add(file: StreamedFile): string {
    const standIn = `~file:${this.#mark}:${this.#files.size}:${file.size}~`;
    this.#files.set(standIn, file);
    return standIn;
  }

  /** A body of JSON with the base64 in place of what stands for it. */
  bodyOf(json: string): string | LongBody {
    if (!json.includes(this.#mark)) return json;
    const pieces: (string | StreamedFile)[] = json
      .split(new RegExp(`(~file:${this.#mark}:\\d+:\\d+~)`))
      .map((text) => this.#files.get(text) ?? text);
    return {
      length: pieces.reduce((sum, piece) => sum + lengthOf(piece), 0),
      async *[Symbol.asyncIterator]() {
        for (const piece of pieces) {
          if (typeof piece === "string") yield Buffer.from(piece);
          else yield* base64Of(piece);
        }
      },
    };
  }
}

/** The size of the file for whose base64 a text stands; undefined: it stands for none. */
export function sizeStoodFor(text: string): number | undefined {
  const size = STAND_IN.exec(text)?.[1];
  return size === undefined ? undefined : Number(size);
}

function lengthOf(piece: string | StreamedFile): number {
  return typeof piece === "string" ? Buffer.byteLength(piece) : Math.ceil(piece.size / 3) * 4;
}

async function* base64Of({ read }: StreamedFile): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const piece of read()) {
    const next = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    const bytes = rest.length === 0 ? next : Buffer.concat([rest, next]);
    const whole = bytes.length - (bytes.length % 3);
    // The memory of a piece may be used again for the next one.
    rest = Buffer.from(bytes.subarray(whole));
    if (whole > 0) yield Buffer.from(bytes.toString("base64", 0, whole), "latin1");
  }
  if (rest.length > 0) yield Buffer.from(rest.toString("base64"), "latin1");
}
