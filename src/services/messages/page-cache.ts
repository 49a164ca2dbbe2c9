// Keeps pages of messages that are read again and again, as they are encoded, together with the state of the
// conversation that they show. Whether that is still the state is for the database to say.
import type { Form } from "../../domain/protobuf/kept-list.ts";

/** A page in one form. */
export interface KeptPage {
  /** As the database names it. */
  readonly state: string;
  readonly encoded: Uint8Array;
  /** The place of the last message, where another page follows. */
  readonly next: string | undefined;
}

/** Names a page. Pages that differ by caller, such as those with the caller's own reactions, are of one caller. */
export interface PageName {
  readonly tenantId: string;
  readonly conversationId: string;
  /** All else that the answer depends on. */
  readonly arguments: string;
  readonly form: Form;
}

export interface PageCounts {
  readonly bytes: number;
  readonly pages: number;
  /** Pages that were answered from here. */
  readonly hits: number;
  /** Pages that were read from the database. */
  readonly misses: number;
}

interface Entry extends KeptPage {
  readonly bytes: number;
  usedAt: number;
}

/** How long a page is kept that nobody reads, in milliseconds. */
export const UNREAD_MS = 60_000;
/** What an entry takes besides its key and its list, in bytes. */
const ENTRY_BYTES = 400;
/** Maximum pages of which is noted that they were read once. */
const MAX_SEEN = 20_000;

export class PageCache {
  /** What encodes the pages: another one may encode them in another way. */
  readonly release: string;
  readonly #maxBytes: number;
  readonly #now: () => number;
  /** In the order in which they were last read. */
  readonly #entries = new Map<string, Entry>();
  /** The states of pages that were read once: only what is read again in the same state is kept. And what has none. */
  readonly #seen = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  constructor(maxBytes: number, release = "", now: () => number = () => performance.now()) {
    this.release = release;
    this.#maxBytes = maxBytes;
    this.#now = now;
    this.#timer = setInterval(() => this.sweep(), UNREAD_MS / 4).unref();
  }

  get counts(): PageCounts {
    return { bytes: this.#bytes, pages: this.#entries.size, hits: this.#hits, misses: this.#misses };
  }

  /** The page for this caller, or for all. */
  find(name: PageName, actor: string): KeptPage | undefined {
    return this.#entries.get(keyOf(name)) ?? this.#entries.get(keyOf(name, actor));
  }

  /** The database said that the page still shows the state. */
  confirm(name: PageName, page: KeptPage, actor: string): void {
    this.#hits++;
    for (const key of [keyOf(name), keyOf(name, actor)]) {
      const entry = this.#entries.get(key);
      if (entry === undefined || entry !== page) continue;
      this.#entries.delete(key);
      entry.usedAt = this.#now();
      this.#entries.set(key, entry);
    }
  }

  /** The database said that there is another state, or, with undefined, that the caller sees no such conversation. */
  moved(name: PageName, state: string | undefined, actor: string): void {
    this.#misses++;
    for (const key of [keyOf(name), keyOf(name, actor)]) {
      if (this.#entries.get(key)?.state !== state) this.#drop(key);
    }
  }

  /** Whether the pages of a conversation are known to have no state by which they could be kept. */
  hasNoState({ tenantId, conversationId }: PageName): boolean {
    return this.#seen.has(`${tenantId}/${conversationId}`);
  }

  noteNoState({ tenantId, conversationId }: PageName): void {
    this.#note(`${tenantId}/${conversationId}`, "");
  }

  /** Whether a page is worth keeping: it was read in this state before. */
  isHot(name: PageName, state: string): boolean {
    const key = keyOf(name);
    const known = this.#seen.get(key) === state;
    this.#seen.delete(key);
    if (!known) this.#note(key, state);
    return known;
  }

  #note(key: string, state: string): void {
    this.#seen.set(key, state);
    if (this.#seen.size <= MAX_SEEN) return;
    const [oldest] = this.#seen.keys();
    if (oldest !== undefined) this.#seen.delete(oldest);
  }

  /** @param actor whose page it is; undefined: everybody's */
  add(name: PageName, page: KeptPage, actor: string | undefined): void {
    const key = keyOf(name, actor);
    this.#drop(key);
    const bytes = ENTRY_BYTES + 2 * (key.length + page.state.length) + page.encoded.byteLength;
    // One page must not drive out all others.
    if (bytes > this.#maxBytes / 8) return;
    this.#entries.set(key, { ...page, bytes, usedAt: this.#now() });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#drop(oldest);
    }
  }

  /** Drops what nobody has read for a minute: nothing that was erased stays longer. */
  sweep(): void {
    const before = this.#now() - UNREAD_MS;
    for (const [key, { usedAt }] of this.#entries) {
      if (usedAt > before) break;
      this.#drop(key);
    }
  }

  close(): void {
    clearInterval(this.#timer);
    this.#entries.clear();
    this.#seen.clear();
    this.#bytes = 0;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

function keyOf({ tenantId, conversationId, arguments: rest, form }: PageName, actor = ""): string {
  return `${tenantId}/${conversationId}/${form}/${rest}/${actor}`;
}
