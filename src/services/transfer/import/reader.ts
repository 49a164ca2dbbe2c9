// Reads the lines of an import as records, with all ids ours.
import {
  type ConversationRecord,
  type EventRecord,
  type Record as ImportRecord,
  type MessageRecord,
  type ParticipantsRecord,
  type ReactionsRecord,
  RecordSchema,
  type RevisionsRecord,
} from "../../../../gen/colloquy/v1/record_pb.ts";
import { messageFromJson } from "../../../codec/json/json-reader.ts";
import { readJson } from "../../../codec/json/json-values.ts";
import { refuseInexactNumbers } from "../../../codec/json/walk/json-shape.ts";
import { LARGE_BODY, type LargeJson, readLargeJson } from "../../../codec/json/walk/large-json.ts";
import { ShapeFault } from "../../../codec/shape-fault.ts";
import { DomainError } from "../../../domain/errors.ts";
import type { Caller } from "../../../domain/identity/caller.ts";
import { isMemberId, MEMBER_ID_RULE } from "../../../domain/identity/principal.ts";
import { isOurId } from "../../../domain/ids/id.ts";
import { importedId } from "../../../domain/ids/imported-id.ts";
import { parseJson } from "../../../domain/json.ts";
import { isReaction, REACTION_RULE } from "../../../domain/reactions/reaction.ts";
import type { Validate } from "../../../pipeline/validation/validation.ts";
import { MAX_NUMBER } from "../../conversations/numbers.ts";
import { KnownConversations } from "./known-conversations.ts";
import type { EntryLine, ImportLine, PartsLine, ReactionsLine, ReadLine, RevisionsLine } from "./line.ts";
import { fault, LineFault } from "./line-fault.ts";
import type { RawLine } from "./lines.ts";
import { checkAuthor, checkEditors, checkMembers } from "./people.ts";
import { farthestOf, fromEvent } from "./read-event.ts";
import {
  dateOf,
  fromConversationRecord,
  fromMessageRecord,
  fromParticipants,
  fromReactions,
  fromRevisions,
  type Importing,
  MAX_CHANGES,
} from "./read-record.ts";
import { recordFault } from "./record-fault.ts";

const LARGE_LINE: LargeJson = {
  ignoreUnknownFields: false,
  read: (schema, text) => readJson(schema, parseJson(text)),
  explain: (error) => error,
};

/** Makes what reads one line after the other: some lines go on with what those before began. */
export function createLineReader(caller: Caller, validate: Validate): (line: RawLine) => ReadLine | Promise<ReadLine> {
  const reader = new LineReader(caller);
  return (line) => {
    const { text } = line;
    // Read piece by piece, while others have turns.
    if (text !== undefined && text.length > LARGE_BODY) {
      return readLargeJson(RecordSchema, text, LARGE_LINE).then(
        (record) => take(line, () => record as ImportRecord),
        (error: unknown) =>
          take(line, () => {
            throw error;
          }),
      );
    }
    return take(line, () => {
      const record = messageFromJson(RecordSchema, text ?? "", {}) as ImportRecord;
      refuseInexactNumbers(RecordSchema, text ?? "", LARGE_LINE);
      return record;
    });
  };

  function take({ number, text, fault = "" }: RawLine, readRecord: () => ImportRecord): ReadLine {
    const bad = (description: string): ReadLine => ({ kind: "bad", number, description });
    if (text === undefined) return bad(fault);
    let record: ImportRecord;
    try {
      record = readRecord();
      validate(RecordSchema, record);
    } catch (error) {
      if (error instanceof ShapeFault) return bad(`${error.field || "the line"}: ${error.message}`.slice(0, 500));
      // What a JSON parser says may hold a part of the line; what validation says does not.
      return bad((error instanceof DomainError ? error.message : recordFault(text)).slice(0, 500));
    }
    try {
      return { ...reader.read(record), number };
    } catch (error) {
      if (error instanceof LineFault) return bad(error.message);
      throw error;
    }
  }
}

type Unnumbered<Line> = Line extends unknown ? Omit<Line, "number"> : never;

class LineReader {
  readonly #caller: Caller;
  readonly #known = new KnownConversations();
  /** The conversation whose participants may go on, and how many came so far. */
  #open: { readonly id: string; readonly createTime: Date; parts: number } | undefined;
  /** The message whose line came last. */
  #message: { readonly place: string; readonly id: string; readonly createTime: Date } | undefined;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  read({ kind }: ImportRecord): Unnumbered<ImportLine> {
    const importing = { actor: this.#caller.actor, now: new Date() };
    switch (kind.case) {
      case "conversation":
        return this.#conversation(kind.value, importing);
      case "participants":
        return this.#participants(kind.value, importing);
      case "message":
        return this.#entry(this.#messageOf(kind.value, importing));
      case "revisions":
        return this.#revisions(kind.value, importing);
      case "reactions":
        return this.#reactions(kind.value, importing);
      case "event":
        return this.#entry(this.#event(kind.value, importing));
      default:
        throw new LineFault("holds neither a conversation nor a message nor an event");
    }
  }

  #conversation(record: ConversationRecord, importing: Importing): Unnumbered<ImportLine> {
    const { id = "", createTime, ownerId = "", number = 0n } = record.conversation ?? {};
    if (isForeign(id) && !createTime) fault("conversation.conversation.create_time: is needed with a foreign id");
    if (ownerId !== "" && !isMemberId(ownerId)) fault(`conversation.conversation.owner_id: ${MEMBER_ID_RULE}`);
    if (number > MAX_NUMBER) fault(`conversation.conversation.number: must be at most ${MAX_NUMBER}`);
    checkAuthor("conversation.conversation.creator", record.conversation?.creator);
    checkMembers("conversation", record.participants);
    const own = importedId(this.#caller.tenantId, "conversation", id, dateOf(createTime));
    if (isForeign(id)) this.#known.set(id, own);
    const item = fromConversationRecord(record, own, importing);
    this.#open = { id: own, createTime: item.createTime, parts: record.participants.length };
    return { kind: "conversation", item };
  }

  #participants(record: ParticipantsRecord, importing: Importing): Unnumbered<PartsLine> {
    const conversationId = this.#placeOf(record.conversationId);
    const open = this.#open;
    if (open?.id !== conversationId) {
      return fault("participants.conversation_id: must be that of the conversation right before");
    }
    checkMembers("participants", record.participants);
    const parts = fromParticipants(record.participants, open.parts, open.createTime, importing);
    open.parts += record.participants.length;
    return { kind: "parts", conversationId, parts: parts.map((part) => ({ ...part, conversationId })) };
  }

  #entry(entry: Unnumbered<EntryLine>): Unnumbered<EntryLine> {
    this.#open = undefined;
    return entry;
  }

  #messageOf(record: MessageRecord, importing: Importing): Unnumbered<EntryLine> {
    const { id = "", createTime, conversationId: place = "" } = record.message ?? {};
    const conversationId = this.#placeOf(place);
    if (isForeign(id) && !createTime) fault("message.message.create_time: is needed with a foreign id");
    checkAuthor("message.message.sender", record.message?.sender);
    checkEditors("message", record.revisions);
    const { parentId = "", replyTo = "" } = record.message ?? {};
    if (isForeign(parentId)) fault("message.message.parent_id: must be a UUID");
    if (isForeign(replyTo)) fault("message.message.reply_to: must be a UUID");
    const name = isForeign(id) ? `${conversationId}/${id}` : id;
    const own = importedId(this.#caller.tenantId, "message", name, dateOf(createTime));
    const item = { kind: "message", ...fromMessageRecord(record, own, conversationId, importing) } as const;
    if (item.row.revision > MAX_CHANGES) fault(`message.message.revision: must be at most ${MAX_CHANGES}`);
    this.#message = { place: `${conversationId}/${id}`, id: own, createTime: item.row.create_time };
    return { kind: "entry", conversationId, item, knownId: isOurId(id) };
  }

  #revisions(record: RevisionsRecord, importing: Importing): Unnumbered<RevisionsLine> {
    const { time, ...about } = this.#aboutMessage("revisions", record, importing);
    checkEditors("revisions", record.revisions);
    return {
      kind: "revisions",
      ...about,
      revisions: fromRevisions(record.revisions, about.messageId, time, importing),
    };
  }

  #reactions(record: ReactionsRecord, importing: Importing): Unnumbered<ReactionsLine> {
    const { time, ...about } = this.#aboutMessage("reactions", record, importing);
    for (const [index, { actor, reaction }] of record.reactions.entries()) {
      checkAuthor(`reactions.reactions[${index}].actor`, actor);
      if (!isReaction(reaction)) fault(`reactions.reactions[${index}].reaction: ${REACTION_RULE}`);
    }
    return {
      kind: "reactions",
      ...about,
      reactions: fromReactions(record.reactions, about.messageId, time, importing),
    };
  }

  /** The message that a line has more of, and when it was sent, as far as that is known. */
  #aboutMessage(field: string, record: RevisionsRecord | ReactionsRecord, importing: Importing) {
    const conversationId = this.#placeOf(record.conversationId);
    const before = this.#message?.place === `${conversationId}/${record.messageId}` ? this.#message : undefined;
    const messageId = before?.id ?? (isOurId(record.messageId) ? record.messageId.toLowerCase() : undefined);
    if (messageId === undefined) return fault(`${field}.message_id: must be that of the last message before`);
    return { conversationId, messageId, time: before?.createTime ?? importing.now };
  }

  #event({ event }: EventRecord, importing: Importing): Unnumbered<EntryLine> {
    if (event === undefined) throw new Error("a record was not validated");
    const conversationId = this.#placeOf(event.conversationId);
    // Only what webhooks are sent has none.
    if (event.seq < 1n) fault("event.event.seq: must be greater than or equal to 1");
    checkAuthor("event.event.actor", event.actor);
    const row = fromEvent(event, importing);
    if (row === undefined) return fault("event.change: is missing, or not known here");
    if (farthestOf(event) > event.seq) fault("event.change: names what comes after the event");
    return { kind: "entry", conversationId, item: { kind: "event", conversationId, row }, knownId: false };
  }

  #placeOf(conversationId: string): string {
    return this.#known.find(conversationId) ?? fault("conversation_id: no conversation of this id came before");
  }
}

function isForeign(id: string): boolean {
  return id !== "" && !isOurId(id);
}
