// Parses a reply of Responses: the events of a stream, or a whole response.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { ReplyPiece } from "../../../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../../../domain/turns/turn.ts";
import { errorIn, isObject, noReply, reported } from "../../failures.ts";
import type { ReplyForm } from "../read-body.ts";
import { usageOf } from "../usage.ts";
import { type ItemsOptions, OutputItems } from "./output-items.ts";
import { type TypedEvent, Unmixed } from "./unmixed.ts";

export class ResponsesReply implements ReplyForm {
  readonly #items: OutputItems;
  readonly #unmixed = new Unmixed();
  #finish: FinishReason | undefined;
  #response: JsonObject | undefined;

  constructor(options: ItemsOptions = {}) {
    this.#items = new OutputItems(options);
  }

  get finished(): boolean {
    return this.#finish !== undefined;
  }

  get over(): boolean {
    return this.finished;
  }

  take(json: JsonValue | undefined, isDocument: boolean): void {
    if (!isObject(json)) return;
    const { type } = json;
    if (type === "error") throw reported(errorIn(json) ?? errorIn({ error: json }) ?? { label: "", status: undefined });
    const response = isDocument && type === undefined ? json : isObject(json.response) ? json.response : undefined;
    if (response !== undefined) this.#take(response, type);
    else {
      const error = errorIn(json);
      if (error) throw reported(error);
      if (isDocument) throw noReply();
      if (typeof type === "string") this.#takeAll(this.#unmixed.take(type, json));
    }
  }

  pieces(): ReplyPiece[] {
    return this.#items.out.takeSettled();
  }

  end(): FinishReason {
    const finish = this.#finish ?? FinishReason.STOP;
    this.#items.end();
    return finish === FinishReason.STOP && this.#items.hasCalls ? FinishReason.TOOL_CALLS : finish;
  }

  breakOff(): void {
    this.#items.out.settle();
  }

  usage() {
    return usageOf(this.#response?.usage, this.#response?.model);
  }

  #takeAll(events: readonly TypedEvent[]): void {
    for (const [type, event] of events) this.#items.take(type, event);
  }

  /** @param type of the event; undefined: it is a document */
  #take(response: JsonObject, type: JsonValue | undefined): void {
    this.#response = response;
    const error = errorIn(response);
    if (error) throw reported(error);
    const { status, output } = response;
    const ended = type === undefined || ENDS.includes(String(type));
    if (!ended) return;
    if (type === undefined && !Array.isArray(output)) throw noReply();
    this.#takeAll(this.#unmixed.end());
    // What no event told is in the response: some servers send nothing else.
    if (Array.isArray(output)) this.#items.final(output);
    if (status === "failed" || status === "cancelled" || type === "response.failed") {
      throw reported({ label: String(status), status: 500 });
    }
    const { reason } = isObject(response.incomplete_details) ? response.incomplete_details : {};
    if (status !== "incomplete" && type !== "response.incomplete") {
      this.#finish = FinishReason.STOP;
      return;
    }
    this.#finish = reason === "content_filter" ? FinishReason.CONTENT_FILTER : FinishReason.LENGTH;
    this.#items.out.cut();
  }
}

const ENDS = ["response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done"];
