// The bytes that uploads under way hold in a tenant on this server: they take room that no file accounts for yet.

export class RunningUploads {
  readonly #held = new Map<string, number>();

  /** Counts bytes more, or fewer if negative. Returns what the tenant's uploads hold together. */
  count(tenantId: string, bytes: number): number {
    const held = (this.#held.get(tenantId) ?? 0) + bytes;
    if (held > 0) this.#held.set(tenantId, held);
    else this.#held.delete(tenantId);
    return held;
  }
}
