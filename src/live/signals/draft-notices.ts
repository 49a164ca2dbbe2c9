// Notifies the devices of a caller that one of its drafts has changed. The notified followers read its new state.

/** Called with the conversation of the draft; undefined: notices may have been lost, so look at all. */
export type OnDraft = (conversationId: string | undefined) => void;

export interface DraftNotice {
  readonly tenantId: string;
  /** Whose draft it is. */
  readonly actor: string;
  readonly conversationId: string;
}

export class DraftNotices {
  readonly #listeners = new Map<string, Set<OnDraft>>();

  /** Returns a function that ends it. */
  listen(tenantId: string, actor: string, onDraft: OnDraft): () => void {
    const key = `${tenantId}/${actor}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(onDraft));
    return () => {
      listeners.delete(onDraft);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  tell({ tenantId, actor, conversationId }: DraftNotice): void {
    for (const onDraft of this.#listeners.get(`${tenantId}/${actor}`) ?? []) onDraft(conversationId);
  }

  missed(): void {
    for (const listeners of this.#listeners.values()) for (const onDraft of listeners) onDraft(undefined);
  }
}

const KIND = "draft";

/** One line of text, for the transport to other servers. */
export function encodeNotice({ tenantId, actor, conversationId }: DraftNotice): string {
  return JSON.stringify([KIND, tenantId, actor, conversationId]);
}

/** Undefined: the line is none. */
export function decodeNotice(line: string): DraftNotice | undefined {
  if (!line.startsWith(`["${KIND}",`)) return undefined;
  const [, tenantId, actor, conversationId] = JSON.parse(line) as [string, string, string, string];
  return { tenantId, actor, conversationId };
}
