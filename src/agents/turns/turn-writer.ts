// Writes a running turn to the store: its text, its lease, and finally its end.
import type { Logger } from "pino";
import type { TurnText } from "../../domain/turns/reply-text.ts";
import type { TurnTimes } from "../../domain/turns/turn.ts";
import type { Hints } from "../../live/hints/hints.ts";
import type { Database } from "../../store/database.ts";
import { patiently } from "../../store/retry.ts";
import { endTurn, saveTurn, type TurnEnd, type TurnPlace } from "../../store/turns/turns.ts";

/**
 * How long a turn waits for a database that is busy or not reachable, at its beginning and at its end, in milliseconds.
 */
export const PATIENCE_MS = 60_000;

export interface TurnWriterParts {
  readonly database: Database;
  readonly hints: Hints;
  readonly times: TurnTimes;
  /** This server's id in leases. */
  readonly server: string;
  readonly log: Logger;
  /** Aborts when this server stops, and no longer waits for a database that is busy or not reachable. */
  readonly givingUp: AbortSignal;
}

export class TurnWriter {
  readonly #parts: TurnWriterParts;
  readonly #place: TurnPlace;
  readonly #text: TurnText;
  readonly #onStop: (reason: string | undefined) => void;
  #closed = false;
  #firstDeltaTime: Date | undefined;
  #savedLength = 0;
  #savedAt = performance.now();
  #saving: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #renewing: NodeJS.Timeout | undefined;

  /**
   * @param onStop called with the reason of `saveTurn` if the turn must stop; undefined: another server has ended it
   */
  constructor(parts: TurnWriterParts, place: TurnPlace, text: TurnText, onStop: (reason: string | undefined) => void) {
    this.#parts = parts;
    this.#place = place;
    this.#text = text;
    this.#onStop = onStop;
  }

  /** Starts to renew the lease of this server. */
  holdLease(): void {
    const { renewEveryMs } = this.#parts.times;
    this.#savedAt = performance.now();
    this.#renewing = setInterval(() => {
      if (performance.now() - this.#savedAt >= renewEveryMs) this.save();
    }, renewEveryMs / 2);
  }

  /** Schedules a save of new text. */
  grown(): void {
    this.#firstDeltaTime ??= new Date();
    this.#saveLater();
  }

  /** Saves new text and renews the lease, with at most one write at a time. */
  save(): void {
    this.#timer = undefined;
    if (this.#saving !== undefined || this.#closed) return;
    this.#savedAt = performance.now();
    this.#saving = this.#saveOnce()
      // The database is not reachable: what is not saved now is saved with the next write.
      .catch((error: unknown) => this.#parts.log.warn({ err: error, turnId: this.#place.id }, "a turn was not saved"))
      .finally(() => {
        this.#saving = undefined;
        if (this.#text.length > this.#savedLength && !this.#closed) this.#saveLater();
      });
  }

  /** Stops saving. Resolves when no write is running. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#renewing);
    clearTimeout(this.#timer);
    await this.#saving;
  }

  async writeEnd(end: TurnEnd): Promise<void> {
    const { database, givingUp } = this.#parts;
    await patiently(() => endTurn(database, this.#place, end), PATIENCE_MS, givingUp);
  }

  #saveLater(): void {
    this.#timer ??= setTimeout(() => this.save(), this.#parts.times.saveEveryMs);
  }

  async #saveOnce(): Promise<void> {
    const { database, hints, times, server } = this.#parts;
    const part = this.#text.after(this.#savedLength);
    const saved = part && { ...part, firstDeltaTime: this.#firstDeltaTime ?? new Date() };
    const row = await saveTurn(database, this.#place, saved, { server, leaseMs: times.leaseMs });
    if (row === undefined) return this.#onStop(undefined);
    if (row.stop !== null) this.#onStop(row.stop);
    if (part === undefined) return;
    this.#savedLength = part.nextOffset;
    const { tenantId, conversationId } = this.#place;
    hints.publish({ kind: "turn", tenantId, conversationId });
  }
}
