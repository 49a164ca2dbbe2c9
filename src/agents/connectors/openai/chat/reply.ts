// Parses a reply of chat completions, in all forms that model servers send.
import type { JsonValue } from "@bufbuild/protobuf";
import { FinishReason, isCut } from "../../../../domain/turns/turn.ts";
import { errorIn, isObject, noReply, reported } from "../../failures.ts";
import type { ReplyForm } from "../read-body.ts";
import { usageOf } from "../usage.ts";
import { ChatDeltas, type DeltaOptions } from "./deltas.ts";

/** A reply as it comes. */
export class ChatReply implements ReplyForm {
  readonly #deltas: ChatDeltas;
  #finish: FinishReason | undefined;
  #usage: JsonValue | undefined;
  #model: JsonValue | undefined;

  constructor(options: DeltaOptions = {}) {
    this.#deltas = new ChatDeltas(options);
  }

  /** Usage and `[DONE]` follow the finish reason. */
  readonly over = false;

  get finished(): boolean {
    return this.#finish !== undefined;
  }

  take(json: JsonValue | undefined, isDocument: boolean): void {
    const error = errorIn(json);
    if (error) throw reported(error);
    if (!isObject(json)) return;
    if (json.model) this.#model = json.model;
    const choice = Array.isArray(json.choices) ? json.choices[0] : undefined;
    // Groq and Moonshot put it elsewhere.
    const { usage = isObject(json.x_groq) ? json.x_groq.usage : isObject(choice) ? choice.usage : undefined } = json;
    if (isObject(usage)) this.#usage = usage;
    if (!isObject(choice)) {
      // A document that is neither a reply nor an error.
      if (isDocument) throw noReply();
      return;
    }
    const { delta, message, finish_reason: why } = choice;
    if (typeof why === "string" && why !== "") this.#finish = FINISHES[why.toLowerCase()] ?? FinishReason.UNSPECIFIED;
    // Some servers repeat the whole message at the end.
    const spoken = isObject(delta) ? delta : isObject(message) && !this.#deltas.said ? message : undefined;
    if (spoken) this.#deltas.take(spoken);
  }

  pieces() {
    return this.#deltas.pieces();
  }

  end(): FinishReason {
    const finish = this.#finish ?? FinishReason.STOP;
    if (finish === FinishReason.ERROR) throw reported({ label: "finish_reason", status: 500 });
    this.#deltas.end(isCut(finish));
    // Many servers say that they stopped.
    return finish === FinishReason.STOP && this.#deltas.hasCalls ? FinishReason.TOOL_CALLS : finish;
  }

  breakOff(): void {
    this.#deltas.breakOff();
  }

  usage() {
    return usageOf(this.#usage, this.#model);
  }
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
