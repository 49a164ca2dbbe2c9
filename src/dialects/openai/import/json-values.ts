// The JSON values of a stream: one after the other, as in JSON lines, or the elements of one list.
import { DomainError, ErrorReason } from "../../../domain/errors.ts";

/** Maximum number of characters of one value: a conversation with all that was said in it. */
const MAX_VALUE = 256 * 1024 * 1024;

/** Yields the text of each value. Throws MALFORMED_BODY for what is not UTF-8, or too long. */
export async function* jsonValues(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const splitter = new Splitter();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (chunk?: Uint8Array) => {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch {
      throw malformed("the file must be UTF-8");
    }
  };
  for await (const chunk of chunks) yield* splitter.push(decode(chunk));
  yield* splitter.push(decode());
  yield* splitter.end();
}

function malformed(message: string): DomainError {
  return new DomainError(ErrorReason.MALFORMED_BODY, message);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Finds where values end by their quotes and brackets. */
class Splitter {
  /** What the value that is open has so far. */
  #pieces: string[] = [];
  #length = 0;
  #open = false;
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Whether the values are elements of a list; undefined: nothing came yet. */
  #inList: boolean | undefined;

  *push(text: string): Generator<string> {
    let from = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (code === BACKSLASH) this.#escaped = true;
        else if (code === QUOTE) this.#inString = false;
        continue;
      }
      // White space, commas between elements, the mark at the beginning of a file.
      const between =
        code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09 || code === 0xfeff || code === 0x2c;
      if (!this.#open) {
        if (between) continue;
        if (this.#inList === undefined && code === 0x5b) {
          this.#inList = true;
          continue;
        }
        this.#inList ??= false;
        if (this.#inList && code === 0x5d) {
          // Another list may follow: newer exports come in several files.
          this.#inList = undefined;
          continue;
        }
        this.#open = true;
        from = at;
      }
      if (code === QUOTE) this.#inString = true;
      else if (code === 0x7b || code === 0x5b) this.#depth++;
      else if (code === 0x7d || code === 0x5d) {
        this.#depth--;
        if (this.#depth === 0) {
          yield this.#take(text.slice(from, at + 1));
          from = at + 1;
        }
      } else if (this.#depth === 0 && (code === 0x0a || code === 0x0d || (this.#inList && code === 0x2c))) {
        // A value that is no object or list, or a line that is no JSON: whoever reads it says so.
        yield this.#take(text.slice(from, at));
        from = at;
      }
    }
    if (!this.#open) return;
    this.#pieces.push(text.slice(from));
    this.#length += text.length - from;
    if (this.#length > MAX_VALUE) throw malformed(`a value must have at most ${MAX_VALUE} characters`);
  }

  /** A value that breaks off is one too: whoever reads it says so. */
  *end(): Generator<string> {
    if (this.#open) yield this.#take("");
  }

  #take(last: string): string {
    const value = this.#pieces.join("") + last;
    this.#pieces = [];
    this.#length = 0;
    this.#open = false;
    return value;
  }
}
