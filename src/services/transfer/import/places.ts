// Where members joined, and how far they have read, of logs that are still on their way.
import type { ImportedPart } from "../../../store/transfer/import.ts";

/**
 * So many participants are remembered; of the conversations that have waited longest the log is then taken to be all
 * there.
 */
const MAX_WAITING = 50_000;

interface Waiting {
  readonly parts: readonly ImportedPart[];
  /** The conversation, or a part of its log, came with this import: what is there once it ends is all that comes. */
  readonly came: boolean;
}

/** What was named beyond the end of a log that has only begun: it holds once the log is there. */
export class WaitingParts {
  readonly #waiting = new Map<string, Waiting>();
  #count = 0;

  /** How many are remembered. */
  get count(): number {
    return this.#count;
  }

  /** Remembers those whose places the log has not reached. */
  wait(parts: readonly ImportedPart[], last: ReadonlyMap<string, bigint>, added: ReadonlySet<string>): void {
    const later = parts.filter((part) => !isReached(part, last.get(part.conversationId) ?? 0n));
    for (const [id, more] of Map.groupBy(later, ({ conversationId }) => conversationId)) {
      const before = this.#waiting.get(id);
      this.#put(id, [...(before?.parts ?? []), ...more], before?.came || added.has(id));
    }
  }

  /** Those that the logs have reached now. */
  reached(last: ReadonlyMap<string, bigint>): ImportedPart[] {
    return [...last].flatMap(([id, end]) => this.#waiting.get(id)?.parts.filter((part) => isReached(part, end)) ?? []);
  }

  /** Forgets those that logs which have grown have reached. */
  settle(last: ReadonlyMap<string, bigint>): void {
    for (const [id, end] of last) {
      const before = this.#waiting.get(id);
      const left = before?.parts.filter((part) => !isReached(part, end));
      if (left !== undefined) this.#put(id, left, true);
    }
  }

  /** Takes out those that have waited longest, as far as there are too many; at the end all. */
  take(end: boolean): ImportedPart[] {
    const taken: ImportedPart[] = [];
    for (const [id, { parts, came }] of this.#waiting) {
      if (!end && this.#count <= MAX_WAITING) break;
      this.#put(id, [], came);
      if (came) for (const part of parts) taken.push(part);
    }
    return taken;
  }

  #put(id: string, parts: readonly ImportedPart[], came: boolean): void {
    this.#count += parts.length - (this.#waiting.get(id)?.parts.length ?? 0);
    if (parts.length === 0) this.#waiting.delete(id);
    else this.#waiting.set(id, { parts, came });
  }
}

export function isReached({ join_seq, read_seq }: ImportedPart, last: bigint): boolean {
  return join_seq <= last && read_seq <= last;
}

/** What can be said of a participant for good: nothing lies beyond the end of its log. */
export function clampToLog(part: ImportedPart, last: bigint): ImportedPart {
  const { join_seq, read_seq } = part;
  return { ...part, join_seq: join_seq > last ? last : join_seq, read_seq: read_seq > last ? last : read_seq };
}
