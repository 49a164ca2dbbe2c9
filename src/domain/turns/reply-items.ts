// Makes items of the pieces of a reply: one at a time, in order, each within its limits.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Part, ToolPlace, ToolType } from "../../../gen/colloquy/v1/part_pb.ts";
import { checkParts } from "../parts/rules.ts";
import { partsText } from "../parts/stored.ts";
import { type ItemHead, isBeside, ReplyItem } from "./reply-item.ts";
import type { ReplyPiece, ToolCallBegin, Usage } from "./reply-piece.ts";
import { MAX_REPLY_BYTES, MAX_TURN_BYTES, MAX_TURN_ENTRIES } from "./turn.ts";
import { bytesOf, type TurnEntry } from "./turn-entry.ts";

/** What the agent says cannot be kept. The message is for people. */
export class ReplyFault extends Error {
  override readonly name = "ReplyFault";
}

/** The most bytes of a call's id and of its name, as the contract has it. */
const MAX_NAME_BYTES = 1024;
/** The most bytes of the parts beside the text of a message, as JSON. */
const MAX_BESIDE_BYTES = 512 * 1024;

/** The kinds of entries that an agent adds as whole parts. */
const WHOLE: ReadonlySet<MessageKind> = new Set([MessageKind.TOOL_RESULT, MessageKind.ITEM, MessageKind.SUMMARY]);

export interface ReplyItemsOptions {
  /** The current step. */
  readonly step: number;
  /** Whether that has entries already. */
  readonly begun: boolean;
  /** The bytes of the entries that the turn has already. */
  readonly bytes: number;
  /** Makes the id of an entry. The first message may have one already. */
  readonly newId: (kind: MessageKind) => string;
  /** Where the tool of a name runs. */
  readonly placeOf: (name: string) => ToolPlace | undefined;
  /** What kind of tool the one of a name is, where the agent does not know it. */
  readonly typeOf: (name: string) => ToolType | undefined;
}

export class ReplyItems {
  readonly items: ReplyItem[] = [];
  readonly #newId: ReplyItemsOptions["newId"];
  readonly #placeOf: ReplyItemsOptions["placeOf"];
  readonly #typeOf: ReplyItemsOptions["typeOf"];
  readonly #callIds = new Set<string>();
  #step: number;
  /** The items before it are of earlier steps. */
  #stepBegin: number;
  #bytes: number;

  constructor({ step, begun, bytes, newId, placeOf, typeOf }: ReplyItemsOptions) {
    this.#step = step;
    this.#stepBegin = begun ? -1 : 0;
    this.#bytes = bytes;
    this.#newId = newId;
    this.#placeOf = placeOf;
    this.#typeOf = typeOf;
  }

  get step(): number {
    return this.#step;
  }

  /** The item that may grow. */
  get open(): ReplyItem | undefined {
    const last = this.items.at(-1);
    return last?.ended === false ? last : undefined;
  }

  /** Adds the agent's next piece. Throws {@link ReplyFault}; earlier pieces stay. */
  take(piece: Exclude<ReplyPiece, Usage>): void {
    switch (piece.kind) {
      case "heartbeat":
        break;
      case "step":
        this.nextStep();
        break;
      case "text":
        // A file ends the message that it is in, so that what follows stands behind it.
        this.#say(MessageKind.MESSAGE, piece.text, this.open?.parts.at(-1)?.content.case === "file");
        break;
      case "reasoning":
        this.#think(piece);
        break;
      case "reasoning_end":
        this.#itemOf(MessageKind.REASONING).endThoughts(piece);
        this.end();
        break;
      case "annotation":
        this.#annotate(piece.annotation);
        break;
      case "tool_call":
        this.#call(piece);
        break;
      case "arguments":
        this.#argue(piece.callId, piece.text);
        break;
      case "part":
        this.#add(piece.entry, piece.part);
    }
  }

  /** Adds an entry that is not the agent's. `answers`: the call of which it is the result. */
  put(entry: TurnEntry, answers?: string): void {
    this.end();
    const { id, kind, step } = entry;
    const item = new ReplyItem({ id, kind, step }, 0, entry);
    item.answers = answers;
    item.ended = true;
    this.#count(bytesOf(entry));
    this.items.push(item);
  }

  /** Ends the open item. One without anything in it leaves nothing. */
  end(): void {
    const { open } = this;
    if (open === undefined) return;
    open.ended = true;
    if (open.isEmpty) this.items.pop();
    else this.#check(open);
  }

  /** Ends the open item where a limit or a filter cut the reply. */
  cut(): void {
    if (this.open) this.open.cut = true;
    this.end();
  }

  /** Ends the open item where it broke off. A call of which the rest is missing leaves nothing. */
  breakOff(): void {
    const { open } = this;
    if (open === undefined) return;
    open.ended = true;
    open.broken = true;
    if (open.isEmpty || open.head.kind === MessageKind.TOOL_CALL) this.items.pop();
  }

  /** The next call of the model begins, unless the last one has produced nothing yet. */
  nextStep(): void {
    this.end();
    if (this.items.length === this.#stepBegin) return;
    this.#stepBegin = this.items.length;
    this.#step++;
  }

  #say(kind: typeof MessageKind.MESSAGE | typeof MessageKind.REASONING, text: string, anew: boolean): void {
    if (anew) this.end();
    this.#grow(this.#itemOf(kind), text);
  }

  #think({ text, id }: Extract<ReplyPiece, { kind: "reasoning" }>): void {
    const { open } = this;
    const isOpen = open?.head.kind === MessageKind.REASONING && open.head.partId === id;
    if (!isOpen && id !== undefined) {
      this.end();
      this.#begin(MessageKind.REASONING, { partId: id });
    }
    this.#say(MessageKind.REASONING, text, false);
  }

  #grow(item: ReplyItem, text: string): void {
    const before = item.text.bytes;
    const fits = item.text.append(text);
    this.#count(item.text.bytes - before);
    // Thoughts are kept as far as they fit, and cost nobody a reply.
    if (fits || item.head.kind === MessageKind.REASONING) return;
    if (item.head.kind === MessageKind.MESSAGE) throw new ReplyFault("the reply is longer than a message may be");
    throw new ReplyFault("the arguments of a call are longer than they may be");
  }

  #argue(callId: string, text: string): void {
    const { open } = this;
    if (open?.head.call?.callId !== callId.toWellFormed())
      throw new ReplyFault("the agent sent arguments for a call that was over");
    this.#grow(open, text);
  }

  #annotate(annotation: ReplyItem["annotations"][number]): void {
    const { open } = this;
    if (open?.head.kind !== MessageKind.MESSAGE) return;
    if (open.annotations.length < 1000) open.annotations.push(annotation);
  }

  #call({ kind: _, ...call }: ToolCallBegin): void {
    const well = { ...call, callId: call.callId.toWellFormed(), name: call.name.toWellFormed() };
    for (const name of [well.callId, well.name]) {
      if (Buffer.byteLength(name) > MAX_NAME_BYTES) throw new ReplyFault("the name or id of a call is too long");
    }
    if (well.callId === "" || this.#callIds.has(well.callId)) {
      throw new ReplyFault("the agent gave a call no id of its own");
    }
    this.#callIds.add(well.callId);
    this.end();
    const runsAt = well.runsAt ?? this.#placeOf(well.name);
    // Models are told of every tool as a function.
    const type = (well.runsAt === undefined ? this.#typeOf(well.name) : undefined) ?? well.type;
    const more = { ...(runsAt !== undefined && { runsAt }), ...(type !== undefined && { type }) };
    this.#begin(MessageKind.TOOL_CALL, { call: { ...well, ...more } });
  }

  #add(kind: MessageKind, part: Part): void {
    const whole = WHOLE.has(kind);
    if (!whole && kind !== MessageKind.MESSAGE)
      throw new ReplyFault("the agent sent a part that is no entry of its own");
    if (whole || isBeside(part)) this.end();
    const item = whole ? this.#begin(kind) : this.#itemOf(MessageKind.MESSAGE);
    item.parts.push(part);
    const result = part.content.case === "toolResult" ? part.content.value : undefined;
    if (whole && result && !result.preliminary) item.answers = result.callId;
    this.#count(Buffer.byteLength(partsText([part]) ?? ""));
    if (whole) this.end();
    else if (Buffer.byteLength(partsText(item.parts) ?? "") > MAX_BESIDE_BYTES) {
      item.parts.pop();
      throw new ReplyFault("the parts of a message are longer than they may be");
    }
  }

  /** The open item of a kind; else one begins. */
  #itemOf(kind: MessageKind): ReplyItem {
    const { open } = this;
    if (open?.head.kind === kind) return open;
    this.end();
    return this.#begin(kind);
  }

  #begin(kind: MessageKind, known: Pick<ItemHead, "call" | "partId"> = {}): ReplyItem {
    if (this.items.length >= MAX_TURN_ENTRIES) throw new ReplyFault("the reply has more items than a turn may have");
    const head = { id: this.#newId(kind), kind, step: this.#step, ...known };
    const item = new ReplyItem(head, MAX_REPLY_BYTES);
    this.items.push(item);
    return item;
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > MAX_TURN_BYTES) throw new ReplyFault("the reply is longer than a turn may be");
  }

  /** What the agent's own parts say is held to the rules of a message. */
  #check(item: ReplyItem): void {
    const plain = item.head.kind === MessageKind.MESSAGE && item.parts.length + item.annotations.length === 0;
    if (plain || item.head.kind === MessageKind.SUMMARY) return;
    const parts = item.toParts();
    checkParts({ content: "", parts }, (place, _, description) => {
      this.items.pop();
      throw new ReplyFault(`the agent sent a part that is refused: ${place.join(".")}: ${description}`);
    });
  }
}
