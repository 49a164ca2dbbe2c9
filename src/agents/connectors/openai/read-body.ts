// Reads the body of a reply: a stream of events or one JSON document, whatever its content type says.
import type { JsonValue } from "@bufbuild/protobuf";
import { HEARTBEAT, type ReplyPiece, type Usage } from "../../../domain/turns/reply-piece.ts";
import type { FinishReason } from "../../../domain/turns/turn.ts";
import { ResponseTooLarge } from "../../../outbound/response-too-large.ts";
import { withTimeout } from "../../with-timeout.ts";
import { EventStream, type ServerEvent } from "../event-stream.ts";
import { brokeOff, errorIn, noReply, parsed, reported } from "../failures.ts";

/** Maximum length of a line, or of a whole JSON response: of an image in base64, beside which all text is small. */
const MAX_EVENT_LENGTH = 16 * 1024 * 1024;
/** Maximum lines of a response: two for each piece of text or reasoning. */
const MAX_LINES = 1_000_000;
/** How long to wait for the rest (usage, `[DONE]`, the end) once the reply is complete, in milliseconds. */
const GRACE_MS = 2_000;

/** What an API's replies mean. */
export interface ReplyForm {
  /** Whether the endpoint has said that the reply is complete; more may come. */
  readonly finished: boolean;
  /** Whether nothing more is to come. */
  readonly over: boolean;
  /** Takes an event, or a whole document. Throws for an error in it. */
  take(json: JsonValue | undefined, isDocument: boolean): void;
  /** What has come since the last time. */
  pieces(): ReplyPiece[];
  /** The reply is complete. What was held back is in `pieces()` then. */
  end(): FinishReason;
  /** The reply broke off. */
  breakOff(): void;
  usage(): Usage | undefined;
}

/**
 * Yields the pieces and returns the finish reason. Each chunk of the body yields one, a heartbeat if it says nothing,
 * because anything that arrives resets the idle timeout. Throws AgentFailure, or what reading the body throws.
 */
export async function* readBody(
  body: AsyncIterable<Uint8Array>,
  form: ReplyForm,
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece, FinishReason> {
  const decoder = new TextDecoder();
  const reader = new BodyReader(form);
  const chunks = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      let next: IteratorResult<Uint8Array> | undefined;
      try {
        next = await (form.finished ? withTimeout(chunks.next(), GRACE_MS, signal) : chunks.next());
      } catch (error) {
        // The reply was complete before the connection broke.
        if (form.finished && !signal.aborted) break;
        form.breakOff();
        yield* form.pieces();
        throw error;
      }
      if (next === undefined || next.done) break;
      reader.take(decoder.decode(next.value, { stream: true }));
      const pieces = form.pieces();
      if (pieces.length === 0) yield HEARTBEAT;
      else yield* pieces;
      if (reader.failure) throw reader.failure;
      if (reader.done || form.over) break;
    }
  } finally {
    chunks.return?.()?.catch(() => {});
  }
  if (!reader.done && !form.finished) reader.end(decoder.decode());
  if (!reader.failure && !reader.done && !form.finished) reader.fail(brokeOff());
  const usage = form.usage();
  if (reader.failure) {
    yield* form.pieces();
    if (usage) yield usage;
    throw reader.failure;
  }
  const finish = form.end();
  yield* form.pieces();
  if (usage) yield usage;
  return finish;
}

class BodyReader {
  readonly #form: ReplyForm;
  readonly #events = new EventStream({ maxLength: MAX_EVENT_LENGTH, maxLines: MAX_LINES });
  /** The chunks of a body that is one JSON document. */
  readonly #document: string[] = [];
  #documentLength = 0;
  #shape: "unknown" | "events" | "document" = "unknown";
  /** After `[DONE]`, or the end of a document. */
  done = false;
  /** An error reported after some text, which counts. */
  failure: unknown;

  constructor(form: ReplyForm) {
    this.#form = form;
  }

  take(piece: string): void {
    if (this.#shape === "unknown") this.#look(piece);
    if (this.#shape === "document") {
      this.#documentLength += piece.length;
      if (this.#documentLength > MAX_EVENT_LENGTH) throw new ResponseTooLarge("the document is too large");
      this.#document.push(piece);
      return;
    }
    this.#takeEvents(this.#events.feed(piece), false);
  }

  /** At the end of a body that did not say that it is complete. */
  end(piece: string): void {
    if (this.#shape !== "document") {
      this.#takeEvents(this.#events.feed(piece), true);
      if (!this.done && !this.failure) this.#takeEvents(this.#events.end(), true);
      return;
    }
    const json = parsed([...this.#document, piece].join(""));
    if (json === undefined) throw noReply();
    try {
      this.#form.take(Array.isArray(json) ? json[0] : json, true);
      this.done = true;
    } catch (error) {
      this.fail(error);
    }
  }

  fail(failure: unknown): void {
    this.failure = failure;
    this.#form.breakOff();
  }

  /** Detects the form of a body by its first character, because content types are often wrong. */
  #look(piece: string): void {
    const [first] = piece.trimStart();
    if (first === undefined) return;
    if (first === "<") throw noReply();
    this.#shape = first === "{" || first === "[" ? "document" : "events";
  }

  #takeEvents(events: readonly ServerEvent[], atEnd: boolean): void {
    try {
      for (const event of events) {
        this.#takeEvent(event, atEnd);
        if (this.done) break;
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #takeEvent({ type, data }: ServerEvent, atEnd: boolean): void {
    const trimmed = data.trim();
    if (trimmed === "[DONE]") this.done = true;
    if (this.done || trimmed === "") return;
    const json = parsed(trimmed);
    if (type === "error") {
      throw reported(errorIn(json) ?? errorIn({ error: json ?? true }) ?? { label: "", status: undefined });
    }
    if (json === undefined) throw atEnd ? brokeOff() : noReply();
    this.#form.take(json, false);
  }
}
