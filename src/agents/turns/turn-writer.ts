// Writes a running turn to the store: its whole items as entries, the text of the open one, its lease, and its end.
import type { Logger } from "pino";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { headText, type ReplyItem } from "../../domain/turns/reply-item.ts";
import { TurnState, type TurnTimes } from "../../domain/turns/turn.ts";
import type { Hints } from "../../live/hints/hints.ts";
import type { Database, Queryable } from "../../store/database.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { patiently } from "../../store/retry.ts";
import { type Addition, allTurnEntries, appendEntries, finishTurn, readOpenTurn } from "../../store/turns/entries.ts";
import { endTurn, saveTurn, type TurnEnding } from "../../store/turns/turns.ts";
import { LeaseHold } from "./lease-hold.ts";
import { RecordedDeltas } from "./recorded-deltas.ts";
import { SEPARATOR, type TurnSource } from "./turn-source.ts";
import { writeEnd } from "./write-end.ts";
import { writeEntries } from "./write-entries.ts";

/** How long a turn waits for a database that is busy or away, at its beginning and at its end, in milliseconds. */
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
  /** The stored entries of this stretch of the turn, in the order of its items. */
  readonly rows: MessageRow[] = [];
  readonly #parts: TurnWriterParts;
  readonly #source: TurnSource;
  #closed = false;
  #firstDeltaTime: Date | undefined;
  #said: number;
  /** How much of the text of an item is saved. */
  #saved = { id: "", length: 0 };
  readonly #deltas: RecordedDeltas;
  readonly lease: LeaseHold;
  #saving: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: TurnWriterParts, source: TurnSource) {
    this.#parts = parts;
    this.#source = source;
    this.#said = source.said;
    this.lease = new LeaseHold(parts.times);
    this.#deltas = new RecordedDeltas(source.deltas, source.base);
  }

  /** Starts to renew the lease of this server. */
  holdLease(): void {
    this.lease.start(() => this.save());
  }

  /** Schedules a save of new text; an item that is whole is stored at once. */
  grown(): void {
    this.#firstDeltaTime ??= new Date();
    if (this.#whole().length > 0) this.save();
    else this.#saveLater();
  }

  /** Saves what is new and renews the lease, with at most one write at a time. */
  save(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#saving !== undefined || this.#closed) return;
    let failed = false;
    this.#saving = this.#saveOnce()
      // The database is not reachable: what is not saved now is saved with the next write.
      .catch((error: unknown) => {
        failed = true;
        this.#parts.log.warn({ err: error, turnId: this.#source.place.id }, "a turn was not saved");
      })
      .finally(() => {
        this.#saving = undefined;
        if (this.#closed) return;
        if (!failed && this.#whole().length > 0) this.save();
        else if (failed || this.#unsaved() !== undefined) this.#saveLater();
      });
  }

  /** Stores all items that are whole. Waits for a database that is not reachable. */
  async flush(): Promise<void> {
    await this.#alone(() => (this.#whole().length > 0 ? this.#append(TurnState.RUNNING) : Promise.resolve()));
  }

  /** Stores all items, and leaves the turn to wait for input for so many milliseconds. No write follows. */
  async pause(waitMs: number): Promise<void> {
    await this.close();
    await this.#patiently(() => this.#append(TurnState.INPUT_REQUIRED, waitMs));
  }

  /** Stops saving. Resolves when no write is running. */
  async close(): Promise<void> {
    this.#closed = true;
    this.lease.stop();
    clearTimeout(this.#timer);
    await this.#saving;
  }

  /** Ends the turn with the items that are not stored yet. */
  async writeEnd(ending: TurnEnding): Promise<void> {
    const { database } = this.#parts;
    const { place, base, replyId, usage, discards } = this.#source;
    const { items } = this.#source.reply;
    const deltas = this.#deltas.unsaved(items);
    const [only] = items;
    const entry = only?.toEntry();
    const isPlain = items.length === 0 || (items.length === 1 && entry?.parts === null && entry.id === replyId);
    if (base === 0 && this.rows.length === 0 && isPlain && this.#source.pending() === null) {
      const end = { ...ending, text: entry?.content ?? "", usage: usage(), deltas };
      const finishPlain = (on: Queryable) => endTurn(on, place, end);
      const done = await this.#patiently(() => writeEnd(database, place, discards, ending, finishPlain));
      // No row: it had ended, unless the beginning of something was saved that is no message of text.
      if (done !== undefined) return;
    }
    const last = { ...this.#addition(), deltas };
    const finish = (on: Queryable) => finishTurn(on, place, ending, last);
    await this.#patiently(() => writeEnd(database, place, discards, ending, finish, this.#whole()));
  }

  async #alone(write: () => Promise<void>): Promise<void> {
    while (this.#saving !== undefined) await this.#saving;
    const writing = this.#patiently(write);
    this.#saving = writing
      .catch(() => {})
      .finally(() => {
        this.#saving = undefined;
      });
    await writing;
  }

  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return patiently(work, PATIENCE_MS, this.#parts.givingUp);
  }

  #saveLater(): void {
    this.#timer ??= setTimeout(() => this.save(), this.#parts.times.saveEveryMs);
  }

  /** The items that are whole and not stored. */
  #whole(): ReplyItem[] {
    const { reply } = this.#source;
    return reply.items.slice(this.rows.length, reply.open ? -1 : undefined);
  }

  #unsaved() {
    const { open } = this.#source.reply;
    return open?.text.after(open.head.id === this.#saved.id ? this.#saved.length : 0);
  }

  async #saveOnce(): Promise<void> {
    const { database, hints, times, server } = this.#parts;
    const { place, reply, onStop } = this.#source;
    if (this.#whole().length > 0) return this.#append(TurnState.RUNNING);
    const { open } = reply;
    const part = this.#unsaved();
    const deltas = this.#deltas.unsaved(this.#source.reply.items);
    const saved = open &&
      part && {
        ...part,
        firstDeltaTime: this.#firstDeltaTime ?? new Date(),
        openEntry: this.#headOf(open),
        deltas,
      };
    const sentAt = this.lease.sent();
    const row = await saveTurn(database, place, saved, { server, leaseMs: times.leaseMs });
    if (row === undefined) return onStop(undefined);
    this.lease.taken(sentAt);
    if (row.stop !== null) onStop(row.stop);
    if (open === undefined || part === undefined) return;
    this.#saved = { id: open.head.id, length: part.nextOffset };
    this.#deltas.saved(deltas);
    const { tenantId, conversationId } = place;
    hints.publish({ kind: "turn", tenantId, conversationId });
  }

  /** Null: the reply, in the first step; the row does not tell another. */
  #headOf({ head }: ReplyItem): string | null {
    const { base, replyId } = this.#source;
    return base + this.rows.length === 0 && head.id === replyId ? null : headText(head);
  }

  /** Adds the whole items to the log, and saves the text of the open one with them. */
  async #append(state: typeof TurnState.RUNNING | typeof TurnState.INPUT_REQUIRED, waitMs?: number): Promise<void> {
    const { database, hints, times, server } = this.#parts;
    const { place, agentId, reply, pending, onStop, onStored } = this.#source;
    const { open } = reply;
    const text = open?.text.whole ?? "";
    const length = open?.text.length ?? 0;
    const deltas = this.#deltas.unsaved(this.#source.reply.items);
    const addition = {
      ...this.#addition(),
      server,
      state,
      nextServer: server,
      leaseMs: waitMs ?? times.leaseMs,
      openEntry: open && text !== "" ? this.#headOf(open) : null,
      text,
      pending: pending(),
      firstDeltaTime: this.#firstDeltaTime,
      deltas,
    };
    const sentAt = this.lease.sent();
    const added = await writeEntries(database, place, this.#whole(), (on) =>
      appendEntries(on, place, agentId, addition),
    );
    const rows = added?.rows ?? (await this.#addedBefore(addition, state));
    if (rows === undefined) return onStop(undefined);
    this.lease.taken(sentAt);
    this.rows.push(...rows);
    this.#said = addition.said;
    if (open) this.#saved = { id: open.head.id, length };
    this.#deltas.saved(deltas);
    onStored();
    if (added && added.stop !== null) onStop(added.stop);
    const { tenantId, conversationId } = place;
    hints.publish({ kind: "turn", tenantId, conversationId });
  }

  /** The rows of a write whose answer was lost; undefined: the turn has ended, or runs elsewhere. */
  async #addedBefore({ entries, expected }: Addition, state: TurnState): Promise<MessageRow[] | undefined> {
    const { database, server } = this.#parts;
    const { place } = this.#source;
    const row = await readOpenTurn(database, place);
    const ours = row?.server === server && row.state === state && row.entry_count === expected + entries.length;
    if (!ours || row.first_seq === null || row.last_seq === null) return undefined;
    const last = row.last_seq;
    return allTurnEntries(database, place, last - BigInt(entries.length), last);
  }

  #addition(): Addition {
    const { base, reply, usage } = this.#source;
    const whole = this.#whole();
    const messages = whole.filter(({ head, text }) => head.kind === MessageKind.MESSAGE && text.length > 0);
    return {
      expected: base + this.rows.length,
      entries: whole.map((item) => item.toEntry()),
      step: reply.step,
      said: messages.reduce((sum, { text }) => sum + text.length + SEPARATOR.length, this.#said),
      usage: usage(),
    };
  }
}
