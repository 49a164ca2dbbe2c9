// An item of a reply as it grows: a message, a reasoning, a call of a tool, or a whole part.
import { create } from "@bufbuild/protobuf";
import { MessageKind, MessageState } from "../../../gen/colloquy/v1/message_pb.ts";
import {
  type Annotation,
  type Part,
  PartSchema,
  PartState,
  ReasoningPartSchema,
  TextPartSchema,
  ToolCallPartSchema,
} from "../../../gen/colloquy/v1/part_pb.ts";
import { parseJson } from "../json.ts";
import type { ReasoningEnd, ToolCallBegin } from "./reply-piece.ts";
import { TurnText } from "./reply-text.ts";
import { entryOf, type TurnEntry, textEntry } from "./turn-entry.ts";

/** What is known of an item before its first word. */
export interface ItemHead {
  /** The id of the entry that it becomes. */
  readonly id: string;
  readonly kind: MessageKind;
  readonly step: number;
  /** The provider's id of a reasoning, where it is known from the beginning. */
  readonly partId?: string;
  /** The call, of one. */
  readonly call?: Omit<ToolCallBegin, "kind">;
}

export class ReplyItem {
  readonly head: ItemHead;
  readonly #given: TurnEntry | undefined;
  /** Of a message its text, of a reasoning the thoughts, of a call its arguments. */
  readonly text: TurnText;
  /** Whole parts: those after the text of a message, or all there is. */
  readonly parts: Part[] = [];
  readonly annotations: Annotation[] = [];
  ending: ReasoningEnd | undefined;
  /** The call that it answers, if it is a result. */
  answers: string | undefined;
  ended = false;
  /** It broke off. */
  broken = false;
  /** A limit or a filter cut it. */
  cut = false;

  /** @param given the entry, where it is there from the beginning */
  constructor(head: ItemHead, maxBytes: number, given?: TurnEntry) {
    this.head = head;
    this.#given = given;
    this.text = new TurnText(maxBytes);
  }

  /** Whether it is an entry of somebody else, whole from the beginning. */
  get isGiven(): boolean {
    return this.#given !== undefined;
  }

  /** Nothing would be lost without it. */
  get isEmpty(): boolean {
    const { kind } = this.head;
    if (this.#given || this.parts.length > 0 || this.ending !== undefined) return false;
    return kind !== MessageKind.TOOL_CALL && this.text.length === 0;
  }

  endThoughts(ending: ReasoningEnd): void {
    this.ending = ending;
    this.cut = ending.cut === true;
  }

  toParts(): Part[] {
    return partsOf(this.head, this.text.whole, this);
  }

  toEntry(): TurnEntry {
    return this.#given ?? entryFrom(this.head, this.text.whole, this);
  }
}

type Rest = Pick<ReplyItem, "parts" | "annotations" | "ending" | "broken" | "cut">;

/** The entry of an item. */
function entryFrom(head: ItemHead, text: string, rest: Rest): TurnEntry {
  const state = rest.broken ? MessageState.FAILED : MessageState.COMPLETE;
  // What cut it stands in its part.
  const isPlain = head.kind === MessageKind.MESSAGE && rest.parts.length + rest.annotations.length === 0 && !rest.cut;
  return isPlain ? textEntry(head.id, head.step, text, state) : entryOf(head, partsOf(head, text, rest), state);
}

function partsOf(head: ItemHead, text: string, { parts, annotations, ending, broken, cut }: Rest): Part[] {
  const state = broken || cut ? { state: PartState.FAILED } : {};
  switch (head.kind) {
    case MessageKind.MESSAGE: {
      const value = create(TextPartSchema, { text, annotations });
      const said = text === "" ? [] : [create(PartSchema, { ...state, content: { case: "text", value } })];
      return [...said, ...parts];
    }
    case MessageKind.REASONING: {
      const { id = head.partId, summary = [], encrypted, providerJson } = ending ?? {};
      const value = create(ReasoningPartSchema, {
        summary: [...summary],
        // A summary that was told as it came is no text beside itself.
        ...(text !== "" && text !== summary.join("\n\n") && { text }),
        ...(encrypted !== undefined && { encrypted }),
      });
      return [create(PartSchema, { ...own(id, providerJson), ...state, content: { case: "reasoning", value } })];
    }
    case MessageKind.TOOL_CALL: {
      const { partId, providerJson, ...call } = head.call ?? {};
      const value = create(ToolCallPartSchema, { ...call, arguments: text });
      return [create(PartSchema, { ...own(partId, providerJson), ...state, content: { case: "toolCall", value } })];
    }
    default:
      return [...parts];
  }
}

function own(id: string | undefined, extraJson: string | undefined) {
  return { ...(id !== undefined && { id }), ...(extraJson !== undefined && { extraJson }) };
}

/** The entry of an item of which only the beginning was saved. A call has run nowhere, and leaves none. */
export function brokenEntry(head: ItemHead, text: string): TurnEntry | undefined {
  if (text === "" || head.kind === MessageKind.TOOL_CALL) return undefined;
  return entryFrom(head, text, { parts: [], annotations: [], ending: undefined, broken: true, cut: false });
}

/** What the row of a turn holds of an open item. */
export function headText(head: ItemHead): string {
  return JSON.stringify(head);
}

export function readHead(text: string): ItemHead {
  return parseJson(text) as unknown as ItemHead;
}

/** What stands beside the content of one message, such as its phase: with it another begins. */
export function isBeside({ content }: Part): boolean {
  return content.case === "opaque" && content.value.format?.endsWith("/message") === true;
}
