// Reads server-sent events from text that arrives in pieces of any size.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation

export interface ServerEvent {
  /** The `event` field; empty where there is none. */
  readonly type: string;
  /** The `data` lines, joined by line feeds. */
  readonly data: string;
}

/** One line, or the data of one event, is longer than agreed; or there are more lines. */
export class StreamTooLong extends Error {
  override readonly name = "StreamTooLong";
}

export interface EventStreamLimits {
  /** How long a line, and the data of an event, may be, in UTF-16 units. */
  readonly maxLength: number;
  /** How many lines there may be in all, empty ones too: each costs, whatever is in it. */
  readonly maxLines: number;
}

export class EventStream {
  readonly #limits: EventStreamLimits;
  #lines = 0;
  /** A line that has begun. */
  #line: string[] = [];
  /** How many UTF-16 units the line and the data so far have. */
  #length = 0;
  #afterReturn = false;
  #type = "";
  #data: string[] = [];

  constructor(limits: EventStreamLimits) {
    this.#limits = limits;
  }

  /** The events that are whole with this piece. Throws {@link StreamTooLong}. */
  feed(piece: string): ServerEvent[] {
    if (piece === "") return [];
    // CR ends a line at once; an LF after it, also in the next piece, belongs to it.
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

  /** The stream is over: what has begun counts as whole, for many a server forgets the empty line after its last event. */
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
      // Empty lines of data are not for nothing.
      this.#length += 1;
      return undefined;
    }
    this.#length -= line.length;
    if (field === "event") this.#type = value;
    // Some builds of llama.cpp tell a failure in a field of its own. A comment, or a field that nobody knows, is gone.
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
