// The bytes that uploads under way hold in a tenant on this server: they take room that no file accounts for yet.

export class RunningUploads {
  readonly #held = new Map<string, number>();

  /** An upload that begins. It is to leave. */
  begin(tenantId: string): RunningUpload {
    return new RunningUpload((bytes) => this.#count(tenantId, bytes));
  }

  /** Gives what the tenant's uploads hold together. */
  #count(tenantId: string, bytes: number): number {
    const held = (this.#held.get(tenantId) ?? 0) + bytes;
    if (held > 0) this.#held.set(tenantId, held);
    else this.#held.delete(tenantId);
    return held;
  }
}

export class RunningUpload {
  readonly #count: (bytes: number) => number;
  #held = 0;

  constructor(count: (bytes: number) => number) {
    this.#count = count;
  }

  /**
   * Takes bytes more. False: with what the others hold, they are more than `room`. Then the upload leaves at once: the
   * others may have its room while its bytes are still being removed, or else all of them would be refused.
   */
  take(bytes: number, room: number): boolean {
    this.#held += bytes;
    if (this.#count(bytes) <= room) return true;
    this.leave();
    return false;
  }

  /** It holds nothing any more. */
  leave(): void {
    this.#count(-this.#held);
    this.#held = 0;
  }
}
