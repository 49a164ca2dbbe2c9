// Parses server-sent events from text in chunks of any size.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

export interface ServerEvent {
  /** The `event` field, or empty. */
  readonly type: string;
  /** The `data` lines, joined by line feeds. */
  readonly data: string;
}

/** A line, or the data of an event, is too long, or there are too many lines. */
export class StreamTooLong extends Error {
  override readonly name = "StreamTooLong";
}

export interface EventStreamLimits {
  /** Maximum length of a line, and of the data of an event, in UTF-16 units. */
  readonly maxLength: number;
  /** Maximum number of lines, including empty ones. */
  readonly maxLines: number;
}

export class EventStream {
  readonly #limits: EventStreamLimits;
  #lines = 0;
  /** The chunks of an incomplete line. */
  #line: string[] = [];
  /** The UTF-16 units of the line and the data so far. */
  #length = 0;
  #afterReturn = false;
  #type = "";
  #data: string[] = [];

  constructor(limits: EventStreamLimits) {
    this.#limits = limits;
  }

  /** Returns the events completed by this chunk. Throws {@link StreamTooLong}. */
  feed(piece: string): ServerEvent[] {
    if (piece === "") return [];
    // CR ends a line at once; an LF after it, also in the next chunk, belongs to it.
    const text = this.#afterReturn && piece.startsWith("\n") ? piece.slice(1) : piece;
    this.#afterReturn = piece.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    const events: ServerEvent[] = [];
    const rest = lines.pop() ?? "";
    this.#lines += lines.length;
    if (this.#lines > this.#limits.maxLines)
      throw new StreamTooLong(`there are more than ${this.#limits.maxLines} lines`);
    for (const line of lines) {
      this.#grow(line.length);
      this.#line.push(line);
      const event = this.#endLine();
      if (event) events.push(event);
    }
    if (rest !== "") {
      this.#grow(rest.length);
      this.#line.push(rest);
    }
    return events;
  }

  /**
   * Ends the stream. An incomplete event counts as complete, because some servers omit the empty line after the last
   * one.
   */
  end(): ServerEvent[] {
    const events = [this.#line.length > 0 ? this.#endLine() : undefined, this.#dispatch()];
    return events.filter((event) => event !== undefined);
  }

  #grow(by: number): void {
    this.#length += by;
    const { maxLength } = this.#limits;
    if (this.#length > maxLength) throw new StreamTooLong(`an event is longer than ${maxLength}`);
  }

  #endLine(): ServerEvent | undefined {
    const line = this.#line.length === 1 ? (this.#line[0] as string) : this.#line.join("");
    this.#line = [];
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") {
      this.#data.push(value);
      // An empty data line counts too.
      this.#length += 1;
      return undefined;
    }
    this.#length -= line.length;
    if (field === "event") this.#type = value;
    // Some builds of llama.cpp report an error in a field of its own. Comments and unknown fields are ignored.
    if (field === "error") return { type: "error", data: value };
    return undefined;
  }

  #dispatch(): ServerEvent | undefined {
    const event = this.#data.length > 0 ? { type: this.#type, data: this.#data.join("\n") } : undefined;
    this.#type = "";
    this.#data = [];
    this.#length = 0;
    return event;
  }
}
