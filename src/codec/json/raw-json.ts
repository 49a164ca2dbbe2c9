// JSON texts inside a JSON value, copied to the output without parsing.
import { randomUUID } from "node:crypto";
import type { JsonValue } from "@bufbuild/protobuf";

/** Stands for the value of a text. JSON.stringify alone reads it. */
export class RawJson {
  readonly #text: string;
  readonly #writer: RawJsonWriter;

  constructor(text: string, writer: RawJsonWriter) {
    this.#text = text;
    this.#writer = writer;
  }

  toJSON(): JsonValue {
    return this.#writer.take(this.#text) ?? (JSON.parse(this.#text) as JsonValue);
  }
}

export class RawJsonWriter {
  /** Nobody outside knows it, so no text of a message is taken for it. */
  readonly #mark = randomUUID();
  /** In the order in which they are to come; undefined: nothing is being written. */
  #texts: string[] | undefined;

  raw(text: string): JsonValue {
    return new RawJson(text, this) as unknown as JsonValue;
  }

  take(text: string): string | undefined {
    this.#texts?.push(text);
    return this.#texts && this.#mark;
  }

  /** What JSON.stringify writes, with the texts in their places. */
  stringify(json: JsonValue): string {
    const texts: string[] = [];
    this.#texts = texts;
    let written: string;
    try {
      written = JSON.stringify(json);
    } finally {
      this.#texts = undefined;
    }
    if (texts.length === 0) return written;
    const pieces = written.split(`"${this.#mark}"`);
    return pieces.map((piece, index) => piece + (texts[index] ?? "")).join("");
  }
}
