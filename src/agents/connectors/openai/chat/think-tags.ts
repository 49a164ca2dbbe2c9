// Thoughts that a server leaves in the text, between tags at its beginning.

export interface Segment {
  readonly kind: "text" | "reasoning";
  readonly text: string;
}

const TAGS = ["think", "thinking", "thought", "reasoning"] as const;

/** Parts text that comes in pieces. Only at its very beginning is a tag one: later it is the model's words. */
export class ThinkTags {
  #state: "start" | "thoughts" | "after" | "text" = "start";
  #held = "";
  #close = "";

  feed(text: string): Segment[] {
    if (this.#state === "text") return text === "" ? [] : [{ kind: "text", text }];
    this.#held += text;
    const segments: Segment[] = [];
    if (this.#state === "start") this.#start(segments);
    if (this.#state === "thoughts") this.#thoughts(segments);
    if (this.#state === "after") this.#after(segments);
    return segments;
  }

  /** What was held back at the end. */
  end(): Segment[] {
    const text = this.#held;
    this.#held = "";
    if (text === "" || this.#state === "after") return [];
    return [{ kind: this.#state === "thoughts" ? "reasoning" : "text", text }];
  }

  #start(segments: Segment[]): void {
    const begin = this.#held.trimStart();
    const tag = TAGS.find((name) => begin.startsWith(`<${name}>`));
    if (tag !== undefined) {
      this.#state = "thoughts";
      this.#close = `</${tag}>`;
      this.#held = begin.slice(tag.length + 2).replace(/^\r?\n/, "");
    } else if (begin !== "" && !TAGS.some((name) => `<${name}>`.startsWith(begin))) {
      this.#pass(segments);
    }
  }

  #thoughts(segments: Segment[]): void {
    const end = this.#held.indexOf(this.#close);
    const safe = end >= 0 ? end : this.#held.length - partOf(this.#close, this.#held);
    const text = this.#held.slice(0, safe);
    if (text !== "") segments.push({ kind: "reasoning", text });
    this.#held = this.#held.slice(end >= 0 ? end + this.#close.length : safe);
    if (end >= 0) this.#state = "after";
  }

  /** The empty lines after the thoughts belong to the tags. */
  #after(segments: Segment[]): void {
    this.#held = this.#held.trimStart();
    if (this.#held !== "") this.#pass(segments);
  }

  #pass(segments: Segment[]): void {
    this.#state = "text";
    segments.push({ kind: "text", text: this.#held });
    this.#held = "";
  }
}

/** How many characters at the end of a text may be the beginning of a tag. */
function partOf(tag: string, text: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}
