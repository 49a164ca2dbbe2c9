// Turns the deltas and messages of chat completions into pieces.
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { MessageKind } from "../../../../../gen/colloquy/v1/message_pb.ts";
import { PartSchema } from "../../../../../gen/colloquy/v1/part_pb.ts";
import type { ReplyPiece } from "../../../../domain/turns/reply-piece.ts";
import { CallSorter } from "../../call-sorter.ts";
import { AgentFailure } from "../../connector.ts";
import { isObject } from "../../failures.ts";
import { Pieces } from "../../pieces.ts";
import { urlCitation } from "../citations.ts";
import { type Segment, ThinkTags } from "./think-tags.ts";
import { thoughtJson, thoughtsIn } from "./thoughts.ts";
import { ToolCalls } from "./tool-calls.ts";

/** Maximum length of the address of an image that a model made: of a data URL, as a file is stored of it. */
const MAX_IMAGE_LENGTH = 15 * 1024 * 1024;
/** Maximum annotations of one reply. */
const MAX_ANNOTATIONS = 200;

export interface DeltaOptions {
  /** Ids of calls earlier in the conversation. */
  readonly taken?: Iterable<string>;
  /** Makes ids for calls that come without one. */
  readonly newId?: () => string;
}

export class ChatDeltas {
  readonly #out = new Pieces();
  readonly #sorter = new CallSorter(this.#out);
  readonly #calls: ToolCalls;
  readonly #tags = new ThinkTags();
  readonly #cited = new Set<string>();
  /** The field of the open thoughts. */
  #thoughtField: string | undefined;
  #details: JsonObject[] = [];
  /** Whether anything was said. */
  said = false;

  constructor({ taken, newId }: DeltaOptions = {}) {
    this.#calls = new ToolCalls(this.#sorter, taken, newId);
  }

  get hasCalls(): boolean {
    return this.#sorter.count > 0;
  }

  take(spoken: Readonly<Record<string, JsonValue>>): void {
    const thoughts = thoughtsIn(spoken);
    if (thoughts !== undefined) this.#think(thoughts.field, thoughts.text, thoughts.details);
    const { content, refusal } = spoken;
    if (typeof content === "string") this.#segments(this.#tags.feed(content));
    else if (Array.isArray(content)) for (const part of content) if (isObject(part)) this.#part(part);
    if (typeof refusal === "string") this.#text(refusal);
    if (spoken.tool_calls != null) this.#called(() => this.#calls.take(spoken.tool_calls));
    if (spoken.function_call != null) this.#called(() => this.#calls.takeLegacy(spoken.function_call));
    if (Array.isArray(spoken.annotations)) for (const one of spoken.annotations) this.#annotation(one);
    if (Array.isArray(spoken.images)) for (const image of spoken.images) this.#image(image);
  }

  /** What has come since the last time. */
  pieces(): ReplyPiece[] {
    return this.#out.take();
  }

  /** The reply is over: what was held back is said. */
  end(isCut: boolean): void {
    this.#segments(this.#tags.end());
    this.#calls.end();
    this.#sorter.end();
    this.#endThoughts();
    if (isCut) this.#out.cut();
  }

  /** The reply broke off: text that was held back is said, what is no whole call is not. */
  breakOff(): void {
    this.#segments(this.#tags.end());
  }

  #called(take: () => void): void {
    // What may have been a tag was none, since a call follows.
    this.#segments(this.#tags.end());
    this.#endThoughts();
    take();
    this.said ||= this.hasCalls;
  }

  #segments(segments: readonly Segment[]): void {
    for (const { kind, text } of segments) {
      if (kind === "text") this.#text(text);
      else this.#think("content", text, []);
    }
  }

  #text(text: string): void {
    if (text === "") return;
    // Empty lines between calls are the template's.
    if (this.hasCalls && text.trim() === "") return;
    this.#endThoughts();
    this.said = true;
    this.#sorter.other({ kind: "text", text });
  }

  #think(field: string, text: string, details: readonly JsonObject[]): void {
    this.#thoughtField ??= field;
    this.#details.push(...details);
    if (text !== "") this.#sorter.other({ kind: "reasoning", text });
  }

  #endThoughts(): void {
    if (this.#thoughtField === undefined) return;
    this.#sorter.other({ kind: "reasoning_end", providerJson: thoughtJson(this.#thoughtField, this.#details) });
    this.#thoughtField = undefined;
    this.#details = [];
  }

  /** Parts of content, as Mistral sends them: texts, and thoughts that hold texts. */
  #part(part: Readonly<Record<string, JsonValue>>): void {
    const { type, text, thinking, image_url: url } = part;
    if (type === "thinking" || type === "reasoning") {
      const parts = Array.isArray(thinking) ? thinking : [thinking ?? text];
      const texts = parts.map((one) => (isObject(one) ? one.text : one)).filter((one) => typeof one === "string");
      this.#think("content", texts.join(""), []);
    } else if (type === "image_url" && url !== undefined) this.#image(part);
    else if (typeof text === "string") this.#segments(this.#tags.feed(text));
  }

  /** Some servers repeat the list with each delta. */
  #annotation(annotation: JsonValue): void {
    const cited = urlCitation(isObject(annotation) && isObject(annotation.url_citation) ? annotation.url_citation : {});
    if (cited === undefined) return;
    const key = JSON.stringify(annotation);
    if (this.#cited.has(key) || this.#cited.size >= MAX_ANNOTATIONS) return;
    this.#cited.add(key);
    this.#sorter.other({ kind: "annotation", annotation: cited });
  }

  #image(image: JsonValue): void {
    const holder = isObject(image) ? image.image_url : undefined;
    const url = isObject(holder) ? holder.url : holder;
    if (typeof url !== "string" || url === "") return;
    if (url.length > MAX_IMAGE_LENGTH) {
      throw new AgentFailure("the agent sent an image that is larger than a reply may hold", { health: "up" });
    }
    const mediaType = /^data:([^;,]+)/.exec(url)?.[1];
    const value = { source: { case: "url", value: url }, ...(mediaType && { mediaType }) } as const;
    this.#endThoughts();
    this.said = true;
    this.#sorter.other({
      kind: "part",
      entry: MessageKind.MESSAGE,
      part: create(PartSchema, { content: { case: "file", value } }),
    });
  }
}
