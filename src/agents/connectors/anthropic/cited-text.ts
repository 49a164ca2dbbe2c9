// The text of the open message, and citations: each is of the whole block of text that it came with.
import { create, type JsonObject } from "@bufbuild/protobuf";
import { AnnotationSchema } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { ReplyPiece } from "../../../domain/turns/reply-piece.ts";
import { codePoints } from "../../../domain/turns/reply-text.ts";

/** Maximum annotations of one reply. */
const MAX_ANNOTATIONS = 1000;
const MAX_ADDRESS_LENGTH = 16_384;
/** Maximum length of what is kept of a citation. */
const MAX_KEPT_LENGTH = 16_384;

export class CitedText {
  readonly #add: (piece: ReplyPiece) => void;
  /** In code points. */
  #length = 0;
  #begin = 0;
  #citations: JsonObject[] = [];
  #count = 0;

  constructor(add: (piece: ReplyPiece) => void) {
    this.#add = add;
  }

  begin(): void {
    this.#begin = this.#length;
  }

  say(text: string): void {
    if (text === "") return;
    this.#length += codePoints(text);
    this.#add({ kind: "text", text });
  }

  cite(citation: JsonObject): void {
    if (this.#count < MAX_ANNOTATIONS) this.#citations.push(citation);
    this.#count++;
  }

  /** The block has ended, so that its range is known. */
  end(): void {
    for (const { url, title, ...rest } of this.#citations) {
      if (this.#length === this.#begin) break;
      const kept = JSON.stringify(rest);
      const page = typeof url === "string" && url.length <= MAX_ADDRESS_LENGTH ? url : undefined;
      const annotation = create(AnnotationSchema, {
        start: this.#begin,
        end: this.#length,
        ...(kept.length <= MAX_KEPT_LENGTH && { extraJson: kept }),
        ...(page !== undefined && {
          target: {
            case: "url",
            value: { url: page, ...(typeof title === "string" && { title: title.slice(0, MAX_ADDRESS_LENGTH) }) },
          },
        }),
      });
      this.#add({ kind: "annotation", annotation });
    }
    this.#citations = [];
  }

  /** Something else follows: the next text is another message. */
  close(): void {
    this.#length = 0;
    this.#begin = 0;
  }
}
