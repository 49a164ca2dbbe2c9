// Collects the pieces of a reply; texts that follow each other are one piece.
import type { ReplyPiece } from "../../domain/turns/reply-piece.ts";

export class Pieces {
  #pieces: ReplyPiece[] = [];

  add(piece: ReplyPiece): void {
    const last = this.#pieces.at(-1);
    if (last !== undefined && "text" in piece && "text" in last && last.kind === piece.kind) {
      if (piece.kind !== "arguments" || (last.kind === "arguments" && last.callId === piece.callId)) {
        this.#pieces[this.#pieces.length - 1] = { ...last, text: last.text + piece.text };
        return;
      }
    }
    this.#pieces.push(piece);
  }

  text(text: string): void {
    if (text !== "") this.add({ kind: "text", text });
  }

  reasoning(text: string): void {
    if (text !== "") this.add({ kind: "reasoning", text });
  }

  /** What was collected since the last time. */
  take(): ReplyPiece[] {
    const pieces = this.#pieces;
    if (pieces.length > 0) this.#pieces = [];
    return pieces;
  }
}
