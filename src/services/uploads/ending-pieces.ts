// Pieces whose bytes have ended, and are not counted yet: who asks how far the upload has come waits for them.

export class EndingPieces {
  readonly #ending = new Map<string, Promise<unknown>>();

  /** @param counting rejects if the piece cannot be stored */
  async during<T>(uploadId: string, counting: Promise<T>): Promise<T> {
    this.#ending.set(uploadId, counting);
    try {
      return await counting;
    } finally {
      if (this.#ending.get(uploadId) === counting) this.#ending.delete(uploadId);
    }
  }

  /** Resolves once what had ended is counted. Never rejects. */
  async wait(uploadId: string): Promise<void> {
    await this.#ending.get(uploadId)?.catch(() => {});
  }
}
