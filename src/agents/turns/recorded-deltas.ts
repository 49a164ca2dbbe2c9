// The lengths of a running turn's deltas, as they are written beside its text.
import { DeltaLog } from "../../domain/turns/delta-log.ts";
import type { ReplyItem } from "../../domain/turns/reply-item.ts";
import type { DeltaChange } from "../../store/turns/turns.ts";

export class RecordedDeltas {
  readonly #log: DeltaLog | undefined;
  readonly #base: number;
  #saved: number;

  /**
   * @param before what the turn's row has; null: they are not recorded
   * @param base how many entries the turn had when this server took it up
   */
  constructor(before: string | null, base: number) {
    this.#log = before === null ? undefined : new DeltaLog(before);
    this.#saved = before?.length ?? 0;
    this.#base = base;
  }

  /** Those of the items since this server took the turn up that are not saved. */
  unsaved(items: readonly ReplyItem[]): DeltaChange {
    const log = this.#log;
    if (log === undefined) return { offset: 0, text: "" };
    for (let index = Math.max(log.lastIndex - this.#base, 0); index < items.length; index++) {
      const item = items[index];
      if (item) log.take(this.#base + index, item.text);
    }
    return { offset: this.#saved, text: log.text.slice(this.#saved) };
  }

  saved({ offset, text }: DeltaChange): void {
    this.#saved = offset + text.length;
  }
}
