// Tells those who follow presence in a tenant that a member may have come or gone. What is true is read by who is told.

/** Called with the member; undefined: notices may have been lost, so look at all. */
export type OnPresence = (memberId: string | undefined) => void;

export interface PresenceNotice {
  readonly tenantId: string;
  readonly memberId: string;
}

export class PresenceNotices {
  readonly #listeners = new Map<string, Set<OnPresence>>();

  /** Returns a function that ends it. */
  listen(tenantId: string, onPresence: OnPresence): () => void {
    const listeners = this.#listeners.get(tenantId) ?? new Set();
    this.#listeners.set(tenantId, listeners.add(onPresence));
    return () => {
      listeners.delete(onPresence);
      if (listeners.size === 0 && this.#listeners.get(tenantId) === listeners) this.#listeners.delete(tenantId);
    };
  }

  tell({ tenantId, memberId }: PresenceNotice): void {
    for (const onPresence of this.#listeners.get(tenantId) ?? []) onPresence(memberId);
  }

  missed(): void {
    for (const listeners of this.#listeners.values()) for (const onPresence of listeners) onPresence(undefined);
  }
}

const KIND = "presence";

/** One line of text, for the transport to other servers. */
export function encodePresence({ tenantId, memberId }: PresenceNotice): string {
  return JSON.stringify([KIND, tenantId, memberId]);
}

/** Undefined: the line is none. */
export function decodePresence(line: string): PresenceNotice | undefined {
  if (!line.startsWith(`["${KIND}",`)) return undefined;
  const [, tenantId, memberId] = JSON.parse(line) as [string, string, string];
  return { tenantId, memberId };
}
