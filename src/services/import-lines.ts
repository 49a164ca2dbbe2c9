// The lines of an import: cut from bytes as they come, and read as records.
import { fromJsonString } from "@bufbuild/protobuf";
import { type Record as ImportRecord, RecordSchema } from "../../gen/colloquy/v1/record_pb.ts";
import type { Caller } from "../domain/caller.ts";
import { DomainError } from "../domain/errors.ts";
import { importedId } from "../domain/external-id.ts";
import { isOurId } from "../domain/id.ts";
import { isMemberId, MEMBER_ID_RULE } from "../domain/principal.ts";
import type { createValidation } from "../rpc/validation.ts";
import type { EventRow, ImportedConversation, ImportedItem } from "../store/transfer.ts";
import {
  dateOf,
  farthestOf,
  fromConversationRecord,
  fromEvent,
  fromMessageRecord,
  MOST_CHANGES,
} from "./convert-record.ts";

const MAX_LINE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Turns away what is no text, instead of putting other characters in its place. */
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** A line and its number, from 1 on. One without a text was dropped; `fault` says why. */
export interface RawLine {
  readonly number: number;
  readonly text?: string;
  readonly fault?: string;
}

/** Cuts bytes into lines. Holds one line at most. */
export class LineSplitter {
  #parts: Uint8Array[] = [];
  #held = 0;
  #tooLong = false;
  #number = 1;

  /** How many lines there were so far. */
  get count(): number {
    return this.#held > 0 || this.#tooLong ? this.#number : this.#number - 1;
  }

  /** The lines that end in these bytes, without empty ones: of these a small packed body may hold millions. */
  *push(bytes: Uint8Array): Generator<RawLine> {
    let from = 0;
    for (let to = bytes.indexOf(NEWLINE); to !== -1; to = bytes.indexOf(NEWLINE, from)) {
      if (to === from && this.#held === 0 && !this.#tooLong) {
        this.#number++;
        from = to + 1;
        continue;
      }
      this.#hold(bytes.subarray(from, to));
      yield this.#take();
      from = to + 1;
    }
    this.#hold(bytes.subarray(from));
  }

  /** The last line, if it had no line break. */
  *end(): Generator<RawLine> {
    if (this.#held > 0 || this.#tooLong) yield this.#take();
  }

  #hold(part: Uint8Array): void {
    this.#held += part.length;
    if (this.#held > MAX_LINE_BYTES) {
      this.#tooLong = true;
      this.#parts = [];
    } else if (part.length > 0) {
      this.#parts.push(part);
    }
  }

  #take(): RawLine {
    const bytes = this.#tooLong ? undefined : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#held = 0;
    this.#tooLong = false;
    const number = this.#number++;
    if (bytes === undefined) return { number, fault: `is longer than ${MAX_LINE_BYTES} bytes` };
    try {
      return { number, text: utf8.decode(bytes) };
    } catch {
      return { number, fault: "is not UTF-8" };
    }
  }
}

/** The conversations that an import has named by the ids of another system, as many as are worth remembering. */
export class KnownConversations {
  static readonly #MAX = 100_000;
  readonly #ids = new Map<string, string>();

  set(foreign: string, id: string): void {
    this.#ids.delete(foreign);
    this.#ids.set(foreign, id);
    for (const oldest of this.#ids.keys()) {
      if (this.#ids.size <= KnownConversations.#MAX) break;
      this.#ids.delete(oldest);
    }
  }

  find(id: string): string | undefined {
    return isOurId(id) ? id.toLowerCase() : this.#ids.get(id);
  }
}

/** A message or an event, as far as it can be read without the database. */
export interface EntryLine {
  readonly kind: "entry";
  readonly number: number;
  readonly conversationId: string;
  readonly item: ImportedItem;
  /** The line says itself what id the message has here. Otherwise its conversation's id is a part of it. */
  readonly knownId: boolean;
}

/** A line that can be added, as far as can be said without the database. */
export type ImportLine =
  | { readonly kind: "conversation"; readonly number: number; readonly item: ImportedConversation }
  | EntryLine;

export type ReadLine = ImportLine | { readonly kind: "bad"; readonly number: number; readonly description: string };

/** Reads lines as records, with all ids ours. */
export function createLineReader(caller: Caller, validate: ReturnType<typeof createValidation>) {
  const known = new KnownConversations();
  return ({ number, text, fault = "" }: RawLine): ReadLine => {
    const bad = (description: string): ReadLine => ({ kind: "bad", number, description });
    if (text === undefined) return bad(fault);
    let record: ImportRecord;
    try {
      record = fromJsonString(RecordSchema, text);
      validate(RecordSchema, record);
    } catch (error) {
      // What a JSON parser says may hold a part of the line; what validation says does not.
      return bad(error instanceof DomainError ? error.message.slice(0, 500) : "is no record in JSON");
    }
    return convert(record, number, caller, known, bad);
  };
}

function convert(
  { kind }: ImportRecord,
  number: number,
  caller: Caller,
  known: KnownConversations,
  bad: (description: string) => ReadLine,
): ReadLine {
  const { tenantId, actor } = caller;
  if (kind.case === "conversation") {
    const { id = "", createTime, ownerId = "" } = kind.value.conversation ?? {};
    if (isForeign(id) && !createTime) return bad("conversation.conversation.create_time: is needed with a foreign id");
    if (ownerId !== "" && !isMemberId(ownerId)) return bad(`conversation.conversation.owner_id: ${MEMBER_ID_RULE}`);
    const alien = kind.value.participants.findIndex(({ memberId }) => !isMemberId(memberId));
    if (alien !== -1) return bad(`conversation.participants[${alien}].member_id: ${MEMBER_ID_RULE}`);
    const own = importedId(tenantId, "conversation", id, dateOf(createTime));
    if (isForeign(id)) known.set(id, own);
    return { kind: "conversation", number, item: fromConversationRecord(kind.value, own, actor) };
  }
  const place = kind.case === "message" ? kind.value.message : kind.case === "event" ? kind.value.event : undefined;
  if (place === undefined) return bad("holds neither a conversation nor a message nor an event");
  const conversationId = known.find(place.conversationId);
  if (conversationId === undefined) return bad("conversation_id: no conversation of this id came before");
  if (kind.case === "message") {
    const { id = "", createTime } = kind.value.message ?? {};
    if (isForeign(id) && !createTime) return bad("message.message.create_time: is needed with a foreign id");
    const own = importedId(tenantId, "message", isForeign(id) ? `${conversationId}/${id}` : id, dateOf(createTime));
    const item = { kind: "message", ...fromMessageRecord(kind.value, own, conversationId, actor) } as const;
    if (item.row.revision > MOST_CHANGES) return bad(`message.message.revision: must be at most ${MOST_CHANGES}`);
    return { kind: "entry", number, conversationId, item, knownId: isOurId(id) };
  }
  const event = kind.case === "event" ? kind.value.event : undefined;
  const row: EventRow | undefined = event && fromEvent(event, actor);
  if (event === undefined || row === undefined) return bad("event.change: is missing, or not known here");
  if (farthestOf(event) > event.seq) return bad("event.change: names what comes after the event");
  return { kind: "entry", number, conversationId, item: { kind: "event", conversationId, row }, knownId: false };
}

function isForeign(id: string): boolean {
  return id !== "" && !isOurId(id);
}
