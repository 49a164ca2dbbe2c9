// One connection between a server and PostgreSQL, read as it passes by (PostgreSQL manual, chapter 54): which answers
// end a change that has been committed.

/** Statements that change something, and the end of a transaction. */
const CHANGE = /\b(?:insert into|update|delete from)\b|^\s*commit\b/i;
const IDLE = "I".charCodeAt(0);
const CANCEL_REQUEST_CODE = 80_877_102;

/** Cuts a stream of bytes into messages: a type, a length that counts itself, a body. */
class Messages {
  #rest: Buffer = Buffer.alloc(0);

  *take(chunk: Buffer): Generator<{ type: string; body: Buffer; bytes: Buffer }> {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5) {
      const end = 1 + this.#rest.readInt32BE(1);
      if (this.#rest.length < end) return;
      const bytes = this.#rest.subarray(0, end);
      this.#rest = this.#rest.subarray(end);
      yield { type: String.fromCharCode(bytes[0] ?? 0), body: bytes.subarray(5), bytes };
    }
  }
}

/** An answer of PostgreSQL from its first byte to ReadyForQuery. */
export interface Answer {
  readonly bytes: Buffer;
  /** Whether something was changed, and that is committed. PostgreSQL says ReadyForQuery only after the commit. */
  readonly committed: boolean;
}

export class PostgresLine {
  readonly #fromClient = new Messages();
  readonly #fromServer = new Messages();
  readonly #texts = new Map<string, string>();
  /** For each answer that is due, whether it is to a change. */
  readonly #due: boolean[] = [];
  #changing = false;
  #started = false;
  #passing: Buffer[] = [];
  /** A connection that only carries a CancelRequest: nothing in it is a message. */
  cancels = false;

  /** Reads what the server sends. */
  sent(chunk: Buffer): void {
    let rest = chunk;
    if (!this.#started) {
      this.cancels = chunk.length === 16 && chunk.readInt32BE(4) === CANCEL_REQUEST_CODE;
      this.#started = true;
      // The startup message has no type; with it nothing else comes.
      rest = chunk.subarray(chunk.readInt32BE(0));
    }
    for (const { type, body } of this.#fromClient.take(rest)) this.#note(type, body);
  }

  #note(type: string, body: Buffer): void {
    switch (type) {
      case "P": {
        const [name = "", text = ""] = body.toString("latin1").split("\0", 2);
        this.#texts.set(name, text);
        break;
      }
      case "B": {
        const [, name = ""] = body.toString("latin1").split("\0", 2);
        this.#changing ||= CHANGE.test(this.#texts.get(name) ?? "");
        break;
      }
      case "Q":
        this.#due.push(CHANGE.test(body.toString("latin1")));
        break;
      case "S":
        this.#due.push(this.#changing);
        this.#changing = false;
    }
  }

  /**
   * Reads what PostgreSQL answers; gives each part as soon as it is whole. Answers to changes are held to their end.
   */
  *answered(chunk: Buffer): Generator<Answer> {
    for (const { type, body, bytes } of this.#fromServer.take(chunk)) {
      this.#passing.push(bytes);
      const ready = type === "Z";
      const changes = this.#due[0] === true;
      if (ready) this.#due.shift();
      if (changes && !ready) continue;
      const all = Buffer.concat(this.#passing);
      this.#passing = [];
      yield { bytes: all, committed: changes && body[0] === IDLE };
    }
  }
}
