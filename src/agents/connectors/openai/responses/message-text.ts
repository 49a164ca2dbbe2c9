// The text of the open message: parts of content one below the other, and annotations with their places in the whole.
import type { JsonObject } from "@bufbuild/protobuf";
import type { Annotation } from "../../../../../gen/colloquy/v1/part_pb.ts";
import type { ReplyPiece } from "../../../../domain/turns/reply-piece.ts";
import { codePoints } from "../../../../domain/turns/reply-text.ts";
import { fileCitation, urlCitation } from "../citations.ts";

/** Between messages and parts that follow each other. */
const BETWEEN = "\n\n";
/** Maximum annotations of one reply. */
const MAX_ANNOTATIONS = 1000;

export class MessageText {
  readonly #add: (piece: ReplyPiece) => void;
  /** In code points. */
  #length = 0;
  #partBegin = 0;
  #part: string | undefined;
  #annotations = 0;

  constructor(add: (piece: ReplyPiece) => void) {
    this.#add = add;
  }

  /** @param part which part of content it belongs to */
  say(part: string, text: string): void {
    if (text === "") return;
    if (part !== this.#part) {
      if (this.#length > 0) this.#append(BETWEEN);
      this.#part = part;
      this.#partBegin = this.#length;
    }
    this.#append(text);
  }

  /** An annotation of the part that was last said. */
  annotate(cited: JsonObject): void {
    const annotation: Annotation | undefined = urlCitation(cited) ?? fileCitation(cited);
    if (annotation === undefined || this.#length === 0 || this.#annotations >= MAX_ANNOTATIONS) return;
    this.#annotations++;
    if (annotation.start !== undefined) annotation.start += this.#partBegin;
    if (annotation.end !== undefined) annotation.end += this.#partBegin;
    this.#add({ kind: "annotation", annotation });
  }

  /** Something else follows: the next text is another message. */
  close(): void {
    this.#length = 0;
    this.#part = undefined;
  }

  #append(text: string): void {
    this.#length += codePoints(text);
    this.#add({ kind: "text", text });
  }
}
