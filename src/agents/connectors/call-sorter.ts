// Puts calls whose arguments arrive interleaved one after the other: only one item of a reply is open at a time.
import type { ReplyPiece, ToolCallBegin } from "../../domain/turns/reply-piece.ts";
import type { Pieces } from "./pieces.ts";

/** A call that has begun. */
export interface SortedCall {
  readonly callId: string;
  readonly name: string;
  /** Whether its arguments are a whole JSON object or list. */
  readonly complete: boolean;
  /** Whether it has arguments. */
  readonly begun: boolean;
  /** The length of its arguments. */
  readonly length: number;
}

interface Sorted extends SortedCall {
  readonly begin: ToolCallBegin;
  readonly scan: JsonEnd;
  held: string[];
  length: number;
  /** No more arguments come. */
  closed: boolean;
}

export class CallSorter {
  readonly #out: Pieces;
  /** Calls not yet passed on, in order; the first is the open one. */
  readonly #queue: Sorted[] = [];
  /** What is said while calls are open, for after them. */
  #later: ReplyPiece[] = [];
  #open = false;
  /** How many calls have begun. */
  count = 0;

  constructor(out: Pieces) {
    this.#out = out;
  }

  begin(begin: ToolCallBegin): SortedCall {
    const scan = new JsonEnd();
    const call: Sorted = {
      callId: begin.callId,
      name: begin.name,
      begin,
      scan,
      held: [],
      length: 0,
      closed: false,
      get complete() {
        return scan.ended;
      },
      get begun() {
        return this.length > 0;
      },
    };
    this.count++;
    this.#queue.push(call);
    this.#pass();
    return call;
  }

  arguments(call: SortedCall, text: string): void {
    const sorted = call as Sorted;
    if (text === "" || sorted.closed) return;
    sorted.length += text.length;
    sorted.scan.feed(text);
    sorted.held.push(text);
    this.#pass();
  }

  /** No more arguments of the call come. */
  close(call: SortedCall): void {
    (call as Sorted).closed = true;
    this.#pass();
  }

  /** Something else than a call: at once, or after the calls that are open. */
  other(piece: ReplyPiece): void {
    const [only, second] = this.#queue;
    if (only?.complete && second === undefined) this.close(only);
    if (this.#queue.length === 0) this.#out.add(piece);
    else this.#later.push(piece);
  }

  /** Passes on everything. */
  end(): void {
    for (const call of [...this.#queue]) this.close(call);
  }

  #flushLater(): void {
    for (const piece of this.#later) this.#out.add(piece);
    this.#later = [];
  }

  #pass(): void {
    for (;;) {
      const first = this.#queue[0];
      if (first === undefined) {
        this.#flushLater();
        return;
      }
      this.#passFirst();
      // The last one may still grow.
      if (!first.closed && !(first.complete && this.#queue.length > 1)) return;
      first.closed = true;
      this.#queue.shift();
      this.#open = false;
    }
  }

  #passFirst(): void {
    const first = this.#queue[0] as Sorted;
    if (!this.#open) this.#out.add(first.begin);
    this.#open = true;
    for (const text of first.held) this.#out.add({ kind: "arguments", callId: first.callId, text });
    first.held = [];
  }
}

/** Finds the end of a JSON object or list in text that comes in pieces. Looks at each character once. */
export class JsonEnd {
  #depth = 0;
  #inString = false;
  #escaped = false;
  ended = false;

  feed(text: string): void {
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === 0x5c) this.#escaped = true;
        else if (code === 0x22) this.#inString = false;
      } else if (code === 0x22) this.#inString = true;
      else if (code === 0x7b || code === 0x5b) this.#depth++;
      else if (code === 0x7d || code === 0x5d) {
        this.#depth--;
        if (this.#depth <= 0) this.ended = true;
      }
    }
  }
}
