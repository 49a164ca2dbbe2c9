// Parses a reply of chat completions, in all forms that model servers send.
import type { JsonValue } from "@bufbuild/protobuf";
import { type ReplyPiece, textPiece } from "../../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../../domain/turns/turn.ts";
import { AnswerTooLarge } from "../../../outbound/bounded-fetch.ts";
import { withTimeout } from "../../with-timeout.ts";
import { EventStream, type ServerEvent } from "./event-stream.ts";
import { brokeOff, errorIn, isObject, noReply, parsed, reported } from "./failures.ts";

/** Maximum length of a line, or of a whole JSON response: 256 KiB of escaped text plus its reasoning. */
const MAX_EVENT_LENGTH = 4 * 1024 * 1024;
/** Maximum lines of a response: two for each piece of text or reasoning. */
const MAX_LINES = 1_000_000;
/** How long to wait for the rest (usage, `[DONE]`, the end) once the reply is complete, in milliseconds. */
const GRACE_MS = 2_000;

/**
 * Yields the text and returns the finish reason. Each chunk of the body yields a piece, a heartbeat if it has no
 * text, because anything that arrives resets the idle timeout. Throws AgentFailure, or what reading the body throws.
 */
export async function* readReply(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<ReplyPiece, FinishReason> {
  const decoder = new TextDecoder();
  const reply = new Reply();
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      let next: IteratorResult<Uint8Array> | undefined;
      try {
        next = await (reply.finished ? withTimeout(pieces.next(), GRACE_MS, signal) : pieces.next());
      } catch (error) {
        // The reply was complete before the connection broke.
        if (reply.finished && !signal.aborted) break;
        throw error;
      }
      if (next === undefined || next.done) break;
      yield textPiece(reply.take(decoder.decode(next.value, { stream: true })));
      if (reply.failure) throw reply.failure;
      if (reply.done) break;
    }
  } finally {
    pieces.return?.()?.catch(() => {});
  }
  if (!reply.done && !reply.finished) {
    const rest = reply.end(decoder.decode());
    if (rest !== "") yield textPiece(rest);
    if (reply.failure) throw reply.failure;
  }
  return reply.ending();
}

class Reply {
  readonly #events = new EventStream({ maxLength: MAX_EVENT_LENGTH, maxLines: MAX_LINES });
  /** The chunks of a body that is one JSON document; undefined otherwise. */
  #document: string[] | undefined;
  #documentLength = 0;
  #form: "unknown" | "events" | "document" = "unknown";
  #said = false;
  #finish: FinishReason | undefined;
  /** After `[DONE]`, or the end of a document. */
  done = false;
  /** An error reported after some text, which counts. */
  failure: unknown;

  /** Whether the endpoint has sent a finish reason. */
  get finished(): boolean {
    return this.#finish !== undefined;
  }

  /** Returns the text of a chunk of the body. */
  take(piece: string): string {
    if (this.#form === "unknown") this.#look(piece);
    if (this.#form === "document") {
      this.#documentLength += piece.length;
      if (this.#documentLength > MAX_EVENT_LENGTH) throw new AnswerTooLarge("the document is too large");
      this.#document?.push(piece);
      return "";
    }
    return this.#textOf(this.#events.feed(piece), false);
  }

  /** Returns the text that is known only at the end of the body. */
  end(piece: string): string {
    if (this.#form === "document") {
      const json = parsed([...(this.#document ?? []), piece].join(""));
      if (json === undefined) throw noReply();
      this.done = true;
      return this.#textIn(Array.isArray(json) ? json[0] : json);
    }
    const text = this.#textOf(this.#events.feed(piece), true);
    return text + this.#textOf(this.#events.end(), true);
  }

  /** The finish reason at the end. Throws if the reply is incomplete. */
  ending(): FinishReason {
    if (!this.done && !this.finished) throw brokeOff();
    const finish = this.#finish ?? FinishReason.STOP;
    if (finish === FinishReason.ERROR) throw reported({ label: "finish_reason", status: 500 });
    return finish;
  }

  /** Detects the form of a body by its first character, because content types are often wrong. */
  #look(piece: string): void {
    const [first] = piece.trimStart();
    if (first === undefined) return;
    if (first === "<") throw noReply();
    this.#form = first === "{" || first === "[" ? "document" : "events";
    if (this.#form === "document") this.#document = [];
  }

  #textOf(events: readonly ServerEvent[], atEnd: boolean): string {
    let text = "";
    try {
      for (const event of events) {
        text += this.#textOfEvent(event, atEnd);
        if (this.done) break;
      }
    } catch (error) {
      this.failure = error;
    }
    return text;
  }

  #textOfEvent({ type, data }: ServerEvent, atEnd: boolean): string {
    const trimmed = data.trim();
    if (trimmed === "[DONE]") this.done = true;
    if (this.done || trimmed === "") return "";
    const json = parsed(trimmed);
    if (type === "error") {
      throw reported(errorIn(json) ?? errorIn({ error: json ?? true }) ?? { label: "", status: undefined });
    }
    if (json === undefined) throw atEnd ? brokeOff() : noReply();
    return this.#textIn(json);
  }

  #textIn(json: JsonValue | undefined): string {
    const error = errorIn(json);
    if (error) throw reported(error);
    if (!isObject(json)) return "";
    const choice = Array.isArray(json.choices) ? json.choices[0] : undefined;
    if (!isObject(choice)) {
      // A document that is neither a reply nor an error.
      if (this.#form === "document") throw noReply();
      return "";
    }
    const { delta, message, finish_reason: why } = choice;
    if (typeof why === "string" && why !== "") this.#finish = FINISHES[why.toLowerCase()] ?? FinishReason.UNSPECIFIED;
    // Some servers repeat the whole message at the end.
    const spoken = isObject(delta) ? delta : isObject(message) && !this.#said ? message : undefined;
    const text = spoken ? textOf(spoken.content) + textOf(spoken.refusal) : "";
    if (text !== "") this.#said = true;
    return text;
  }
}

/** A string, or the text of content parts. */
function textOf(content: JsonValue | undefined): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => (isObject(part) && typeof part.text === "string" ? part.text : "")).join("");
}

/** Finish reasons of OpenAI and of compatible servers. */
const FINISHES: Readonly<Record<string, FinishReason>> = {
  stop: FinishReason.STOP,
  stop_sequence: FinishReason.STOP,
  end_turn: FinishReason.STOP,
  eos: FinishReason.STOP,
  eos_token: FinishReason.STOP,
  length: FinishReason.LENGTH,
  max_tokens: FinishReason.LENGTH,
  model_length: FinishReason.LENGTH,
  tool_calls: FinishReason.TOOL_CALLS,
  tool_use: FinishReason.TOOL_CALLS,
  function_call: FinishReason.TOOL_CALLS,
  content_filter: FinishReason.CONTENT_FILTER,
  safety: FinishReason.CONTENT_FILTER,
  recitation: FinishReason.CONTENT_FILTER,
  sensitive: FinishReason.CONTENT_FILTER,
  refusal: FinishReason.CONTENT_FILTER,
  error: FinishReason.ERROR,
  abort: FinishReason.ERROR,
  network_error: FinishReason.ERROR,
  insufficient_system_resource: FinishReason.ERROR,
};
