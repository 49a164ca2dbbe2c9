// Turns the output items of Responses, and the events that tell them bit by bit, into pieces.
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { MessageKind } from "../../../../../gen/colloquy/v1/message_pb.ts";
import { PartSchema, ToolType } from "../../../../../gen/colloquy/v1/part_pb.ts";
import { CallSorter, type SortedCall } from "../../call-sorter.ts";
import { AgentFailure } from "../../connector.ts";
import { isObject } from "../../failures.ts";
import { newCallId } from "../../new-call-id.ts";
import { Pieces } from "../../pieces.ts";
import { foreignPart } from "./foreign-item.ts";
import { isId, kept, MAX_ID_LENGTH, MAX_ITEM_LENGTH, textsIn } from "./item-members.ts";
import { type ItemEvent, type KnownItem, KnownItems } from "./known-items.ts";
import { MessageText } from "./message-text.ts";

export interface ItemsOptions {
  /** Ids of calls earlier in the conversation. */
  readonly taken?: Iterable<string>;
  readonly newId?: () => string;
}

export class OutputItems {
  readonly out = new Pieces();
  readonly #sorter = new CallSorter(this.out);
  readonly #text = new MessageText((piece) => this.#sorter.other(piece));
  readonly #taken: Set<string>;
  readonly #newId: () => string;
  readonly #known = new KnownItems();
  /** The provider's ids of calls that have begun. */
  readonly #begun = new Set<string>();
  readonly #told = { said: false, thought: false };

  constructor({ taken = [], newId = newCallId }: ItemsOptions) {
    this.#taken = new Set(taken);
    this.#newId = newId;
  }

  get hasCalls(): boolean {
    return this.#sorter.count > 0;
  }

  end(): void {
    this.out.settle();
    this.#sorter.end();
  }

  take(type: string, event: ItemEvent): void {
    const { item, delta, output_index: index } = event;
    switch (type) {
      case "response.output_item.added":
        this.#added(item, index);
        break;
      case "response.output_item.done":
        this.done(item, index);
        break;
      case "response.output_text.delta":
      case "response.refusal.delta":
        if (typeof delta !== "string") break;
        this.#phase(this.#known.of(event));
        this.#known.of(event).told = true;
        this.#told.said = true;
        this.#text.say(`${index} ${event.content_index}`, delta);
        break;
      case "response.output_text.annotation.added":
        if (isObject(event.annotation)) this.#text.annotate(event.annotation);
        break;
      case "response.reasoning_summary_part.added":
        if (this.#known.of(event).told && !this.#known.of(event).inWords) this.#think("\n\n");
        break;
      case "response.reasoning_summary_text.delta": {
        const known = this.#known.of(event);
        // A summary of what was told itself comes with the end.
        if (typeof delta !== "string" || known.inWords) break;
        this.#nameThoughts(known, known.givenId ?? event.item_id);
        known.told = true;
        this.#think(delta);
        break;
      }
      case "response.reasoning_text.delta": {
        const known = this.#known.of(event);
        if (typeof delta !== "string") break;
        if (!known.told && known.thoughtId === undefined) known.inWords = true;
        known.told = true;
        this.#think(delta);
        break;
      }
      case "response.function_call_arguments.done":
      case "response.custom_tool_call_input.done": {
        const { call } = this.#known.of(event);
        const text = event.arguments ?? event.input;
        if (call !== undefined && !call.begun && typeof text === "string") this.#sorter.arguments(call, text);
        break;
      }
      case "response.function_call_arguments.delta":
      case "response.custom_tool_call_input.delta": {
        const { call } = this.#known.of(event);
        if (call !== undefined && typeof delta === "string") this.#sorter.arguments(call, delta);
        break;
      }
    }
  }

  /** The output of the whole response. Some servers tell no events, others give items other ids and indices here. */
  final(output: readonly JsonValue[]): void {
    const { said, thought } = this.#told;
    for (const [index, item] of output.entries()) {
      if (!isObject(item)) continue;
      if (said && item.type === "message") continue;
      if (thought && item.type === "reasoning") continue;
      if (typeof item.call_id === "string" && this.#begun.has(item.call_id)) continue;
      this.done(item, index);
    }
  }

  /** An item is whole: what was not told of it yet is told. */
  done(item: JsonValue | undefined, index: JsonValue | undefined): void {
    if (!isObject(item)) return;
    const known = this.#known.of({ output_index: index ?? null, item_id: item.id ?? null });
    if (known.done) return;
    known.done = true;
    switch (item.type ?? "message") {
      case "message":
        if (known.told || !Array.isArray(item.content)) break;
        if (typeof item.phase === "string") known.phase = item.phase;
        this.#phase(known);
        this.#message(item.content, index);
        break;
      case "function_call":
      case "custom_tool_call": {
        known.call ??= this.#begin(item);
        const text = item.arguments ?? item.input;
        if (!known.call.begun && typeof text === "string") this.#sorter.arguments(known.call, text);
        this.#sorter.close(known.call);
        break;
      }
      case "reasoning":
        this.#reasoned(item, known);
        break;
      default:
        this.#foreign(item);
    }
  }

  #added(item: JsonValue | undefined, index: JsonValue | undefined): void {
    if (!isObject(item)) return;
    const known = this.#known.of({ output_index: index ?? null, item_id: item.id ?? null });
    if (item.type === "message" && typeof item.phase === "string") known.phase = item.phase;
    if (item.type === "reasoning") {
      if (isId(item.id)) known.givenId ??= item.id;
      // What is encrypted is at most summarized. Of others the first words show what they are.
      if (typeof item.encrypted_content === "string") this.#nameThoughts(known, item.id);
    }
    if (item.type === "function_call" || item.type === "custom_tool_call") known.call ??= this.#begin(item);
  }

  #begin(item: JsonObject): SortedCall {
    const { id, call_id, name, arguments: _, input: __, status: ___, type, ...rest } = item;
    if (typeof name !== "string" || name === "") {
      throw new AgentFailure("the agent called a tool without its name", { health: "up" });
    }
    const given = typeof call_id === "string" && call_id !== "" ? call_id : String(id ?? "");
    const fits = given !== "" && given.length <= 256 && !this.#taken.has(given);
    const callId = fits ? given : this.#newId();
    this.#taken.add(callId);
    this.#begun.add(given);
    this.#text.close();
    return this.#sorter.begin({
      kind: "tool_call",
      callId,
      name,
      type: type === "custom_tool_call" ? ToolType.CUSTOM : ToolType.FUNCTION,
      ...(isId(id) && { partId: id }),
      ...kept(rest),
    });
  }

  /** Begins a message of a phase, which goes back with it. */
  #phase(known: KnownItem): void {
    const { phase } = known;
    if (phase === undefined) return;
    delete known.phase;
    this.#text.close();
    const json = JSON.stringify({ phase: phase.slice(0, MAX_ID_LENGTH).toWellFormed() });
    const part = create(PartSchema, { content: { case: "opaque", value: { format: "openai/message", json } } });
    this.#sorter.other({ kind: "part", entry: MessageKind.MESSAGE, part });
  }

  /** Their id is told before them: readers show them under it, whatever id their end has. */
  #nameThoughts(known: KnownItem, id: JsonValue | undefined): void {
    if (known.told || known.thoughtId !== undefined || !isId(id)) return;
    known.thoughtId = id;
    this.#text.close();
    this.#sorter.other({ kind: "reasoning", text: "", id });
  }

  #think(text: string): void {
    if (text === "") return;
    this.#text.close();
    this.#sorter.other({ kind: "reasoning", text });
  }

  #message(content: readonly JsonValue[], index: JsonValue | undefined): void {
    for (const [at, part] of content.entries()) {
      if (!isObject(part)) continue;
      this.#told.said = true;
      const text = part.text ?? part.refusal;
      if (typeof text === "string") this.#text.say(`${index} ${at}`, text);
      if (Array.isArray(part.annotations))
        for (const one of part.annotations) if (isObject(one)) this.#text.annotate(one);
    }
  }

  #reasoned(item: JsonObject, known: KnownItem): void {
    const { id: own, summary, content, encrypted_content: encrypted, status: _, type: __, ...rest } = item;
    const texts = textsIn(content);
    const given = textsIn(summary);
    this.#told.thought = true;
    if (!known.told && known.thoughtId === undefined && texts.length > 0) known.inWords = true;
    const { inWords = false } = known;
    if (!inWords) this.#nameThoughts(known, known.givenId ?? own);
    const id = inWords ? undefined : (known.thoughtId ?? known.givenId ?? own);
    // Some repeat the words as their summary.
    const summaries = inWords && given.join() === texts.join() ? [] : given;
    if (!known.told) this.#think((texts.length > 0 ? texts : summaries).join("\n\n"));
    this.#text.close();
    this.#sorter.other({
      kind: "reasoning_end",
      ...(isId(id) && { id }),
      ...(summaries.length > 0 && { summary: summaries }),
      ...(typeof encrypted === "string" && encrypted.length <= MAX_ITEM_LENGTH && { encrypted }),
      // The provider knows its thoughts by its id.
      ...kept(inWords && isId(own) ? { id: own, ...rest } : rest),
    });
  }

  /** Of a hosted tool, or of a type that is not known: kept as it is, and given back. */
  #foreign(item: JsonObject): void {
    const part = foreignPart(item);
    this.#text.close();
    this.#sorter.other({ kind: "part", entry: MessageKind.ITEM, part });
  }
}
