// Endpoints whose secrets another key has sealed: they are left to the servers that have it.

/** How long one is left to them before this server tries again, in milliseconds: its secret may have been rotated. */
const LEFT_MS = 60_000;

export class UnreadableEndpoints {
  /** When each was seen, by tenant. */
  readonly #seen = new Map<string, Map<string, number>>();

  note(tenantId: string, endpointId: string): void {
    const own = this.#seen.get(tenantId) ?? new Map<string, number>();
    own.set(endpointId, performance.now());
    this.#seen.set(tenantId, own);
  }

  /** Those of a tenant that are not to be taken now. */
  of(tenantId: string): string[] {
    const own = this.#seen.get(tenantId);
    if (own === undefined) return [];
    const since = performance.now() - LEFT_MS;
    for (const [id, seen] of own) if (seen < since) own.delete(id);
    if (own.size === 0) this.#seen.delete(tenantId);
    return [...own.keys()];
  }
}
