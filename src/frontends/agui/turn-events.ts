// The entries of a turn as they come, as AG-UI's events: each that was started is ended, and in that order.
import { create } from "@bufbuild/protobuf";
import { type Message, MessageKind, MessageRole, MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import type { ApprovalRequestPart, Part } from "../../../gen/colloquy/v1/part_pb.ts";
import type { TurnEntryDelta, TurnEntryEnded, TurnEntryStarted } from "../../../gen/colloquy/v1/turn_pb.ts";
import { stateChangeIn } from "../../domain/turns/shared-state.ts";
import { resultContent } from "./content.ts";
import { customEvents, type Events, eventsOf, stateEvents } from "./entry-events.ts";
import type { AguiEvent } from "./protocol.ts";
import { firstOf, Parents, resultIdOf, stepOf, thoughts, toolCallIdOf, wordsOf } from "./thread.ts";

/** Events; if `resync` is set, the thread comes between the two, up to that entry, as far as it holds. */
export interface Reading {
  readonly events: readonly AguiEvent[];
  readonly resync?: Message;
  readonly after?: readonly AguiEvent[];
  /** Whether the state has changed, of which no event tells. */
  readonly changesState?: boolean;
}

export type EntryEvent =
  | { readonly case: "entryStarted"; readonly value: TurnEntryStarted }
  | { readonly case: "entryDelta"; readonly value: TurnEntryDelta }
  | { readonly case: "entryEnded"; readonly value: TurnEntryEnded };

interface Open extends Events {
  readonly kind: MessageKind;
  /** The entry as far as it is there, for a thread that is sent again. */
  readonly entry: Message;
  isTold: boolean;
  text: string;
  /** Of the text, in code points. */
  length: number;
}

/** What is shown as it comes; results are shown once they are whole. */
const SHOWN: ReadonlySet<MessageKind> = new Set([MessageKind.MESSAGE, MessageKind.REASONING, MessageKind.TOOL_CALL]);

const NONE: Reading = { events: [] };

export interface TurnEventsOptions {
  /** Ids of the entries that the client has. */
  readonly known: ReadonlySet<string>;
  /** Calls whose results the client brought itself. */
  readonly answered?: ReadonlySet<string>;
  /**
   * Whether the client may hold a part of the thoughts that are open, which a thread without thoughts does not take
   * from it. Default: false.
   */
  readonly mayHoldThoughts?: boolean;
  /**
   * Whether the client has seen the turn from its beginning, so that it is told of changes of the state as they come.
   * Else a change is told by the state as it is stored afterwards: see `Reading.changesState`.
   */
  readonly seesState?: boolean;
}

export class TurnEvents {
  /** The questions that were asked, by their ids. */
  readonly questions = new Map<string, ApprovalRequestPart>();
  readonly #options: TurnEventsOptions;
  readonly #parents = new Parents();
  /** The ids of calls for the client, by the agent's. */
  readonly #toolCallIds = new Map<string, string>();
  /** The entries that begin and end without the client's knowing. */
  readonly #hidden = new Set<number>();
  #open: Open | undefined;
  #mayHoldThoughts: boolean;

  constructor(options: TurnEventsOptions) {
    this.#options = options;
    this.#mayHoldThoughts = options.mayHoldThoughts ?? false;
  }

  read(event: EntryEvent): Reading {
    switch (event.case) {
      case "entryStarted":
        return this.#started(event.value);
      case "entryDelta":
        return this.#delta(event.value);
      case "entryEnded":
        return this.#ended(event.value);
    }
  }

  #started({ index, messageId, kind, step, toolCall }: TurnEntryStarted): Reading {
    const key = stepOf({ turnId: "", step });
    const { callId = "", name = "" } = toolCall ?? {};
    const toolCallId = toolCallIdOf(callId, messageId);
    if (kind === MessageKind.TOOL_CALL) this.#toolCallIds.set(callId, toolCallId);
    let parentId = messageId;
    if (kind === MessageKind.MESSAGE) this.#parents.message(key, messageId);
    else if (kind === MessageKind.TOOL_CALL) parentId = this.#parents.ofCall(key, messageId);
    else if (kind === MessageKind.TOOL_RESULT) this.#parents.interrupt();
    const shown = SHOWN.has(kind);
    if (!shown || this.#options.known.has(messageId)) {
      this.#hidden.add(index);
      return NONE;
    }
    const entry = create(MessageSchema, { id: messageId, kind, step, role: MessageRole.ASSISTANT });
    if (toolCall) entry.parts = [partOf({ case: "toolCall", value: toolCall })];
    const events = eventsOf(kind, messageId, toolCallId, name, parentId);
    const isReasoning = kind === MessageKind.REASONING;
    const again = this.#mayHoldThoughts && isReasoning;
    this.#mayHoldThoughts = false;
    // Thoughts may be all that nobody may read: they begin with their first word.
    const isTold = !isReasoning || again;
    this.#open = { kind, entry, text: "", length: 0, isTold, ...events };
    if (!isTold) return NONE;
    if (!again) return { events: events.start };
    return { events: [], resync: entry, after: events.start };
  }

  #delta({ index, offset, piece }: TurnEntryDelta): Reading {
    if (piece.case === "part" && stateChangeIn(piece.value)) {
      return { events: this.#options.seesState ? stateEvents(piece.value) : [] };
    }
    if (this.#hidden.has(index) || this.#open === undefined || piece.case === undefined) return NONE;
    if (piece.case === "part") return { events: customEvents(piece.value) };
    const open = this.#open;
    const delta = piece.value;
    const at = Number(offset);
    if (at >= open.length) {
      append(open, delta);
      return { events: delta === "" ? [] : [...begin(open), open.content(delta)] };
    }
    // What was told is not so any more: the server that wrote it has died.
    const kept = [...open.text].slice(0, at).join("");
    Object.assign(open, { text: kept, length: at });
    const partial = withText(open);
    append(open, delta);
    return {
      events: open.end,
      resync: partial,
      after: [...open.start, ...(delta ? [open.content(delta)] : [])],
    };
  }

  #ended({ index, message }: TurnEntryEnded): Reading {
    if (message === undefined) return NONE;
    const { seesState, known } = this.#options;
    const changesState = !seesState && !known.has(message.id) && message.parts.some(stateChangeIn);
    return { ...this.#whole(index, message), changesState };
  }

  #whole(index: number, message: Message): Reading {
    const question = firstOf(message.parts, "approvalRequest");
    if (question) this.questions.set(question.approvalId ?? "", question);
    if (this.#hidden.delete(index)) return { events: this.#result(message) };
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return NONE;
    const text = textOf(message);
    if (text === open.text) return { events: open.isTold ? open.end : [] };
    if (text.startsWith(open.text)) {
      return { events: [...begin(open), open.content(text.slice(open.text.length)), ...open.end] };
    }
    return { events: open.end, resync: message };
  }

  /** Ends what is open: the turn has ended or waits. */
  close(): readonly AguiEvent[] {
    const events = this.#open?.isTold ? this.#open.end : [];
    this.#open = undefined;
    return events;
  }

  #result({ id, kind, parts }: Message): AguiEvent[] {
    const result = kind === MessageKind.TOOL_RESULT ? firstOf(parts, "toolResult") : undefined;
    if (result === undefined || result.preliminary || this.#options.known.has(id)) return [];
    const { callId = "" } = result;
    if (this.#options.answered?.has(callId)) return [];
    const toolCallId = this.#toolCallIds.get(callId) ?? callId;
    const content = resultContent(result);
    return [{ type: "TOOL_CALL_RESULT", messageId: resultIdOf(toolCallId), toolCallId, content, role: "tool" }];
  }
}

/** The beginning of what nobody was told of yet. */
function begin(open: Open): readonly AguiEvent[] {
  if (open.isTold) return [];
  open.isTold = true;
  return open.start;
}

function append(open: Open, delta: string): void {
  open.text += delta;
  for (const _ of delta) open.length++;
}

/** What an entry says when it is whole. */
function textOf(message: Message): string {
  const { kind, parts } = message;
  if (kind === MessageKind.REASONING) return thoughts(firstOf(parts, "reasoning"));
  if (kind === MessageKind.TOOL_CALL) return firstOf(parts, "toolCall")?.arguments ?? "";
  return wordsOf(message);
}

/** The open entry with its text so far. */
function withText({ kind, entry, text }: Open): Message {
  const copy = create(MessageSchema, { ...entry, content: kind === MessageKind.MESSAGE ? text : "" });
  if (kind === MessageKind.REASONING) {
    copy.parts = [partOf({ case: "reasoning", value: { text } })];
  } else if (kind === MessageKind.TOOL_CALL) {
    const call = firstOf(entry.parts, "toolCall");
    copy.parts = [partOf({ case: "toolCall", value: { ...call, arguments: text } })];
  }
  return copy;
}

function partOf(content: object): Part {
  return create(MessageSchema, { parts: [{ content: content as never }] }).parts[0] as Part;
}
