// Turns the events of Messages into pieces.
import { create, type JsonObject } from "@bufbuild/protobuf";
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { PartSchema, ToolType } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { ReplyPiece, Usage } from "../../../domain/turns/reply-piece.ts";
import { FinishReason, isCut } from "../../../domain/turns/turn.ts";
import { CallSorter, type SortedCall } from "../call-sorter.ts";
import { AgentFailure } from "../connector.ts";
import { isObject, parsed } from "../failures.ts";
import { newCallId } from "../new-call-id.ts";
import { Pieces } from "../pieces.ts";
import { CitedText } from "./cited-text.ts";
import type { Block } from "./content.ts";
import { MessageUsage } from "./usage.ts";

/** Maximum length of a provider's block as JSON; an entry of the log takes 1 MiB. */
const MAX_BLOCK_LENGTH = 1000 * 1024;
/** Maximum blocks of one reply. */
const MAX_BLOCKS = 1000;

interface OpenBlock {
  /** As it began. */
  readonly block: JsonObject;
  call?: SortedCall;
  /** Its text, thoughts or the JSON of its input, as far as they have come. */
  said: string;
  signature: string;
}

export interface AnthropicReplyOptions {
  /** Ids of calls earlier in the conversation. */
  readonly taken?: Iterable<string>;
  readonly newId?: () => string;
}

export class AnthropicReply {
  readonly #out = new Pieces();
  readonly #sorter = new CallSorter(this.#out);
  readonly #text = new CitedText((piece) => this.#sorter.other(piece));
  readonly #taken: Set<string>;
  readonly #newId: () => string;
  readonly #open = new Map<unknown, OpenBlock>();
  #blocks = 0;
  #finish: FinishReason | undefined;
  readonly #usage = new MessageUsage();
  /** The model stopped to be asked to go on. */
  paused = false;
  /** What it said, in the form in which it is given back then. */
  readonly content: Block[] = [];

  constructor({ taken = [], newId = newCallId }: AnthropicReplyOptions = {}) {
    this.#taken = new Set(taken);
    this.#newId = newId;
  }

  get finished(): boolean {
    return this.#finish !== undefined;
  }

  take(event: JsonObject): void {
    const { type, index, message, content_block: block, delta, usage } = event;
    switch (type) {
      case "message_start":
        if (!isObject(message)) break;
        this.#usage.model = message.model;
        this.#usage.count(message.usage);
        break;
      case "content_block_start":
        if (isObject(block)) this.#begin(index, block);
        break;
      case "content_block_delta":
        if (isObject(delta)) this.#delta(this.#open.get(index), delta);
        break;
      case "content_block_stop":
        this.#stop(index);
        break;
      case "message_delta":
        this.#usage.count(usage);
        if (isObject(delta) && typeof delta.stop_reason === "string") {
          this.paused = delta.stop_reason === "pause_turn";
          this.#finish = FINISHES[delta.stop_reason] ?? FinishReason.UNSPECIFIED;
          if (isCut(this.#finish)) this.#out.cut();
        }
        break;
    }
  }

  pieces(): ReplyPiece[] {
    return this.#out.takeSettled();
  }

  end(): FinishReason {
    this.#out.settle();
    for (const index of [...this.#open.keys()]) this.#stop(index);
    this.#sorter.end();
    const finish = this.#finish ?? FinishReason.UNSPECIFIED;
    if (isCut(finish)) this.#out.cut();
    return finish === FinishReason.STOP && this.#sorter.count > 0 ? FinishReason.TOOL_CALLS : finish;
  }

  /** Nothing more comes. */
  breakOff(): void {
    this.#out.settle();
  }

  usage(): Usage | undefined {
    return this.#usage.told();
  }

  #begin(index: unknown, block: JsonObject): void {
    if (++this.#blocks > MAX_BLOCKS) {
      throw new AgentFailure(`the agent sent more than ${MAX_BLOCKS} items`, { health: "up" });
    }
    const open: OpenBlock = { block, said: "", signature: typeof block.signature === "string" ? block.signature : "" };
    this.#open.set(index, open);
    if (block.type === "text") {
      this.#text.begin();
      this.#say(open, block.text);
      if (Array.isArray(block.citations)) for (const one of block.citations) if (isObject(one)) this.#text.cite(one);
    } else if (block.type === "thinking") this.#think(open, block.thinking);
    else if (block.type === "tool_use") open.call = this.#call(block);
  }

  #delta(open: OpenBlock | undefined, delta: JsonObject): void {
    if (open === undefined) return;
    const { type, text, thinking, signature, partial_json: json, citation } = delta;
    if (type === "text_delta") this.#say(open, text);
    else if (type === "thinking_delta") this.#think(open, thinking);
    else if (type === "signature_delta" && typeof signature === "string") open.signature += signature;
    else if (type === "citations_delta" && isObject(citation)) this.#text.cite(citation);
    else if (type === "input_json_delta" && typeof json === "string") {
      open.said += json;
      if (open.call) this.#sorter.arguments(open.call, json);
    }
  }

  #stop(index: unknown): void {
    const open = this.#open.get(index);
    if (open === undefined) return;
    this.#open.delete(index);
    const { block, call } = open;
    this.content.push(wholeOf(open));
    switch (block.type) {
      case "text":
        this.#text.end();
        break;
      case "thinking":
        this.#endThought(open.signature, "thinking");
        break;
      case "redacted_thinking":
        this.#endThought(typeof block.data === "string" ? block.data : "", "redacted_thinking");
        break;
      case "tool_use":
        if (call === undefined) break;
        // Some servers send the whole input at the beginning.
        if (!call.begun && isObject(block.input) && Object.keys(block.input).length > 0) {
          this.#sorter.arguments(call, JSON.stringify(block.input));
        }
        this.#sorter.close(call);
        break;
      default:
        this.#hosted(wholeOf(open));
    }
  }

  #say(open: OpenBlock, text: unknown): void {
    if (typeof text !== "string") return;
    open.said += text;
    this.#text.say(text);
  }

  #think(open: OpenBlock, text: unknown): void {
    this.#text.close();
    if (typeof text !== "string" || text === "") return;
    open.said += text;
    this.#sorter.other({ kind: "reasoning", text });
  }

  #endThought(encrypted: string, type: string): void {
    this.#text.close();
    const kept = encrypted !== "" && encrypted.length <= MAX_BLOCK_LENGTH;
    this.#sorter.other({
      kind: "reasoning_end",
      ...(kept && { encrypted }),
      providerJson: JSON.stringify({ anthropic: { type } }),
    });
  }

  #call({ id, name }: JsonObject): SortedCall {
    if (typeof name !== "string" || name === "") {
      throw new AgentFailure("the agent called a tool without its name", { health: "up" });
    }
    const fits = typeof id === "string" && id !== "" && id.length <= 256 && !this.#taken.has(id);
    const callId = fits ? id : this.#newId();
    this.#taken.add(callId);
    this.#text.close();
    return this.#sorter.begin({ kind: "tool_call", callId, name, type: ToolType.FUNCTION });
  }

  /** Of a tool that the provider runs, or of a type that is not known: kept as it is, and given back. */
  #hosted(block: Block): void {
    const json = JSON.stringify(block);
    if (json.length > MAX_BLOCK_LENGTH) {
      throw new AgentFailure("the agent sent an item that is larger than an entry may be", { health: "up" });
    }
    this.#text.close();
    const part = create(PartSchema, { content: { case: "opaque", value: { format: "anthropic", json } } });
    this.#sorter.other({ kind: "part", entry: MessageKind.ITEM, part });
  }
}

/** A block as it is given back. */
function wholeOf({ block, said, signature }: OpenBlock): Block {
  const type = String(block.type);
  if (type === "text") return { type, text: said };
  if (type === "thinking") return { type, thinking: said, signature };
  if (said === "") return { ...block, type };
  const input = parsed(said);
  return { ...block, type, ...(isObject(input) && { input }) };
}

const FINISHES: Readonly<Record<string, FinishReason>> = {
  end_turn: FinishReason.STOP,
  stop_sequence: FinishReason.STOP,
  pause_turn: FinishReason.STOP,
  tool_use: FinishReason.TOOL_CALLS,
  max_tokens: FinishReason.LENGTH,
  model_context_window_exceeded: FinishReason.LENGTH,
  refusal: FinishReason.CONTENT_FILTER,
};
