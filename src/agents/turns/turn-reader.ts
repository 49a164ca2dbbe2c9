// Finds the next pieces for a reader of a turn: the text of its messages alone, or every entry.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Part } from "../../../gen/colloquy/v1/part_pb.ts";
import { readParts } from "../../domain/parts/stored.ts";
import type { ItemHead } from "../../domain/turns/reply-item.ts";
import { codePoints, fromCodePoint, type TextPart, TurnText } from "../../domain/turns/reply-text.ts";
import { BEGINNING, type TurnCursor } from "../../domain/turns/turn-cursor.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import type { TurnRow } from "../../store/turns/turns.ts";
import { SEPARATOR } from "./turn-source.ts";

/**
 * From where a turn is read: the text from an offset in code points on, or the entries from a cursor on. As recorded:
 * all entries, with each delta as it came.
 */
export type ReadFrom = { readonly offset: number } | { readonly cursor: TurnCursor; readonly asRecorded?: boolean };

/** A step of a turn, for a caller that follows it. A cursor is where to read on after it. */
export type TurnStep =
  | { readonly kind: "delta"; readonly part: TextPart }
  | { readonly kind: "entry_started"; readonly index: number; readonly head: ItemHead; readonly cursor: TurnCursor }
  | {
      readonly kind: "entry_delta";
      readonly index: number;
      readonly of: MessageKind;
      readonly piece:
        | { readonly text: string; readonly offset: number }
        | { readonly part: Part; readonly offset: number };
      readonly cursor: TurnCursor;
    }
  | { readonly kind: "entry_ended"; readonly index: number; readonly row: MessageRow; readonly cursor: TurnCursor }
  | { readonly kind: "input_required"; readonly turn: TurnRow; readonly cursor: TurnCursor | undefined }
  | { readonly kind: "ended"; readonly turn: TurnRow; readonly reply: MessageRow | undefined };

/** An entry as far as it is there. */
export interface ReadItem {
  readonly head: ItemHead;
  /** Its text from a code point on. */
  after(offset: number): TextPart | undefined;
  /** The delta that came there; undefined: none, or it is not known. */
  deltaAt(offset: number): TextPart | undefined;
  readonly parts: readonly Part[];
  /** Once it is stored. */
  readonly row: MessageRow | undefined;
}

export class TurnReader {
  readonly #whole: boolean;
  /** Whether each delta is read as it came, and deleted entries too. */
  readonly asRecorded: boolean;
  /** How much of the text of all messages is read, in code points. */
  #heard: number;
  /** Where the text of the next message begins in it. */
  #said = 0;
  #cursor: TurnCursor;

  constructor(from: ReadFrom) {
    this.#whole = "cursor" in from;
    this.asRecorded = "cursor" in from && from.asRecorded === true;
    this.#heard = "offset" in from ? from.offset : 0;
    this.#cursor = "cursor" in from ? from.cursor : BEGINNING;
  }

  /** How many entries are read to their end, and the number of the last of them. */
  get entries(): number {
    return this.#cursor.entries;
  }

  get seq(): bigint {
    return this.#cursor.seq;
  }

  /** Undefined: the text alone is read. */
  get cursor(): TurnCursor | undefined {
    return this.#whole ? this.#cursor : undefined;
  }

  /** How much of the text of the open entry is read, in code points. */
  get within(): number {
    if (this.asRecorded) return 0;
    if (this.#whole) return this.#cursor.within?.offset ?? 0;
    return Math.max(this.#heard - this.#said, 0);
  }

  /** What is new in the entries after those that are read. Stops before one whose predecessor is not stored yet. */
  *read(items: Iterable<ReadItem>): Generator<TurnStep> {
    for (const item of items) {
      if (this.#whole) yield* this.#entry(item);
      else yield* this.#text(item);
      if (item.row === undefined) return;
      this.#pass(item, item.row);
    }
  }

  #pass({ head, after }: ReadItem, { seq }: MessageRow): void {
    if (head.kind === MessageKind.MESSAGE) {
      const length = after(0)?.nextOffset ?? 0;
      if (length > 0) this.#said += length + SEPARATOR.length;
    }
    this.#cursor = { entries: this.#cursor.entries + 1, seq, within: undefined };
  }

  /** Of the text of all messages, with a separator before each but the first. */
  *#text({ head, after }: ReadItem): Generator<TurnStep> {
    if (head.kind !== MessageKind.MESSAGE) return;
    const begin = this.#said;
    const part = after(Math.max(this.#heard - begin, 0));
    if (part === undefined) return;
    const space = begin > 0 && this.#heard < begin ? SEPARATOR.slice(this.#heard - begin) : "";
    const offset = begin + part.offset - space.length;
    const nextOffset = begin + part.nextOffset;
    this.#heard = nextOffset;
    yield { kind: "delta", part: { text: space + part.text, offset, nextOffset } };
  }

  *#entry(item: ReadItem): Generator<TurnStep> {
    const { head, parts, row } = item;
    const { entries: index } = this.#cursor;
    // What was deleted meanwhile is not shown.
    if (row !== undefined && row.delete_time !== null && !this.asRecorded) return;
    if (this.#cursor.within === undefined) {
      if (row === undefined && head.call === undefined && parts.length === 0 && item.after(0) === undefined) return;
      this.#cursor = { ...this.#cursor, within: { offset: 0, parts: 0 } };
      yield { kind: "entry_started", index, head, cursor: this.#cursor };
      // What stands beside a message is told before its text: readers show it from the beginning.
      const [beside] = parts;
      if (head.kind === MessageKind.MESSAGE && beside && isBeside(beside)) yield this.#part(index, head, beside);
    }
    for (let part = this.#next(item); part !== undefined; part = this.#next(item)) {
      const within = { offset: part.nextOffset, parts: this.#cursor.within?.parts ?? 0 };
      this.#cursor = { ...this.#cursor, within };
      yield { kind: "entry_delta", index, of: head.kind, piece: part, cursor: this.#cursor };
    }
    for (const whole of (head.kind === MessageKind.MESSAGE ? parts : []).slice(this.#cursor.within?.parts ?? 0)) {
      yield this.#part(index, head, whole);
    }
    if (row === undefined) return;
    const cursor = { entries: index + 1, seq: row.seq, within: undefined };
    yield { kind: "entry_ended", index, row, cursor };
  }

  #part(index: number, { kind: of }: ItemHead, part: Part): TurnStep {
    const { offset, parts } = this.#cursor.within ?? { offset: 0, parts: 0 };
    this.#cursor = { ...this.#cursor, within: { offset, parts: parts + 1 } };
    return { kind: "entry_delta", index, of, piece: { part, offset }, cursor: this.#cursor };
  }

  /** What comes next of the text of the open entry. */
  #next(item: ReadItem): TextPart | undefined {
    const offset = this.#cursor.within?.offset ?? 0;
    return this.asRecorded ? item.deltaAt(offset) : item.after(offset);
  }
}

/** Members of a message of OpenAI's, such as its phase. */
function isBeside({ content }: Part): boolean {
  return content.case === "opaque" && content.value.format === "openai/message";
}

/**
 * A stored entry as a reader takes it.
 *
 * @param lengths those of its deltas, as far as they are recorded
 */
export function itemOf(row: MessageRow, lengths: readonly number[] = []): ReadItem {
  const head = { id: row.id, kind: row.kind ?? MessageKind.MESSAGE, step: row.step ?? 1 };
  if (row.parts === null) return { head, ...read(row.content, lengths), parts: [], row };
  const parts = readParts(row.parts);
  const first = parts[0]?.content;
  if (first?.case === "toolCall" && head.kind === MessageKind.TOOL_CALL) {
    const { callId = "", name = "", arguments: given = "", type, runsAt, title } = first.value;
    const { extraJson } = parts[0] ?? {};
    const beside = extraJson === undefined ? {} : { providerJson: extraJson };
    const more = { ...(type && { type }), ...(runsAt && { runsAt }), ...(title !== undefined && { title }), ...beside };
    return {
      head: { ...head, call: { callId, name, ...more } },
      ...read(given, lengths),
      parts: [],
      row,
    };
  }
  const text = textOf(first);
  if (first?.case === "reasoning" && parts[0]?.id !== undefined) Object.assign(head, { partId: parts[0].id });
  const rest = text === undefined ? parts : parts.slice(1);
  return { head, ...read(text ?? "", lengths), parts: rest, row };
}

/** What was said of a part, bit by bit: a summary of thoughts, where there is nothing else. */
function textOf(content: Part["content"] | undefined): string | undefined {
  if (content?.case === "text") return content.value.text;
  return content?.case === "reasoning" ? (content.value.text ?? content.value.summary.join("\n\n")) : undefined;
}

function read(text: string, lengths: readonly number[]): Pick<ReadItem, "after" | "deltaAt"> {
  let deltas: TurnText | undefined;
  return {
    after: (offset) => partOf(text, offset),
    deltaAt(offset) {
      deltas ??= TurnText.of(text, lengths);
      return deltas.partAt(offset);
    },
  };
}

function partOf(text: string, offset: number): TextPart | undefined {
  const rest = fromCodePoint(text, offset);
  return rest === "" ? undefined : { text: rest, offset, nextOffset: offset + codePoints(rest) };
}

/**
 * The saved beginning of an open entry, of which `text` is what comes after `offset`.
 *
 * @param lengths those of its deltas; undefined: they are not recorded
 */
export function savedItem(head: ItemHead, text: string, offset: number, lengths?: readonly number[]): ReadItem {
  const after = (from: number) => {
    const part = partOf(text, from - offset);
    return part && { ...part, offset: from, nextOffset: part.nextOffset + offset };
  };
  const deltaAt = lengths === undefined ? () => undefined : read(text, lengths).deltaAt;
  return { head, after, deltaAt, parts: [], row: undefined };
}
