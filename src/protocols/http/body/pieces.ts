// The pieces of an incomplete body. Small ones are joined, because each would need an object of many times its size.

/** So many pieces are kept as they came. */
const MAX_SMALL = 1_000;
/** Pieces of this average size, in bytes, are not small: copying them would cost more than it saves. */
const LARGE_PIECE = 4_096;

export class Pieces {
  #size = 0;
  #pieces: Buffer[] = [];
  /** Where those begin that were not looked at for joining, and how many bytes they have. */
  #first = 0;
  #bytes = 0;

  /** Bytes of all of them. */
  get size(): number {
    return this.#size;
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#size += piece.byteLength;
    this.#bytes += piece.byteLength;
    if (this.#pieces.length - this.#first < MAX_SMALL) return;
    if (this.#bytes < MAX_SMALL * LARGE_PIECE) this.#pieces.push(Buffer.concat(this.#pieces.splice(this.#first)));
    this.#first = this.#pieces.length;
    this.#bytes = 0;
  }

  /** All bytes, in one buffer; a single piece is not copied. */
  join(): Buffer {
    const [first] = this.#pieces;
    return first !== undefined && this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces, this.#size);
  }
}
