// Collects the pieces of a reply; texts that follow each other are one piece.
import type { ReplyPiece } from "../../domain/turns/reply-piece.ts";

export class Pieces {
  #pieces: ReplyPiece[] = [];
  #waiting: ReplyPiece | undefined;
  #isOver = false;

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

  /** The same, but an end of thoughts at the end waits for the next call: what comes meanwhile may say that they were cut. */
  takeSettled(): ReplyPiece[] {
    const last = this.#pieces.at(-1);
    if (this.#isOver || last?.kind !== "reasoning_end" || last === this.#waiting) return this.take();
    const before = this.#pieces.slice(0, -1);
    this.#waiting = last;
    this.#pieces = [last];
    return before;
  }

  /** Nothing waits from now on. */
  settle(): void {
    this.#isOver = true;
  }

  /** A limit or a filter cut the reply: thoughts that it ended with are not whole. */
  cut(): void {
    const last = this.#pieces.at(-1);
    if (last?.kind === "reasoning_end") this.#pieces[this.#pieces.length - 1] = { ...last, cut: true };
  }
}
