// Folds chunks to a message as the client does, so that a message that is read equals the one that was streamed.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { jsonOr } from "../parts/write.ts";
import type { UiMessage, UiPart } from "../request.ts";
import type { CallName, Chunk } from "./chunks.ts";

type Draft = { [field: string]: JsonValue | undefined } & { type: string };

export class FoldedMessage {
  readonly #id: string;
  readonly #parts: Draft[] = [];
  readonly #calls = new Map<string, Draft>();
  readonly #asked = new Map<string, Draft>();
  readonly #inputs = new Map<string, string>();
  /** The open blocks by their ids. */
  readonly #open = new Map<string, Draft>();

  constructor(id: string) {
    this.#id = id;
  }

  get isEmpty(): boolean {
    return this.#parts.length === 0;
  }

  toMessage(): UiMessage {
    return { id: this.#id, role: "assistant", parts: this.#parts as UiPart[] };
  }

  add(chunk: Chunk): void {
    switch (chunk.type) {
      case "start-step":
        this.#parts.push({ type: "step-start" });
        break;
      case "text-start":
        this.#block(chunk.id, { type: "text", text: "", state: "streaming" });
        break;
      case "reasoning-start":
        this.#block(chunk.id, { type: "reasoning", id: chunk.id, text: "", state: "streaming" });
        break;
      case "text-delta":
      case "reasoning-delta":
        this.#grow(chunk.id, chunk.delta);
        break;
      case "text-end":
      case "reasoning-end":
        this.#end(chunk.id);
        break;
      case "part":
        this.#part(chunk.part);
        break;
      case "tool-input-start":
        this.#inputs.delete(chunk.toolCallId);
        this.#call(chunk, { state: "input-streaming" }, undefined);
        break;
      case "tool-input-delta":
        this.#inputs.set(chunk.toolCallId, (this.#inputs.get(chunk.toolCallId) ?? "") + chunk.inputTextDelta);
        break;
      case "tool-input-available":
        this.#call(chunk, { state: "input-available" }, chunk.input);
        break;
      case "tool-approval-request":
      case "tool-approval-response":
        this.#approval(chunk);
        break;
      case "tool-output-available":
        this.#settle(chunk.toolCallId, {
          state: "output-available",
          output: chunk.output,
          providerExecuted: chunk.providerExecuted,
          preliminary: chunk.preliminary,
          rawInput: undefined,
        });
        break;
      case "tool-output-error":
        this.#settle(chunk.toolCallId, {
          state: "output-error",
          errorText: chunk.errorText,
          output: undefined,
          providerExecuted: chunk.providerExecuted,
          preliminary: undefined,
        });
        break;
      case "tool-output-denied":
        this.#settle(chunk.toolCallId, { state: "output-denied" });
        break;
    }
  }

  #block(id: string, part: Draft): void {
    this.#open.set(id, part);
    this.#parts.push(part);
  }

  #grow(id: string, delta: string): void {
    const part = this.#open.get(id);
    if (part) part.text = `${part.text}${delta}`;
  }

  #end(id: string): void {
    const part = this.#open.get(id);
    if (part) part.state = "done";
    this.#open.delete(id);
  }

  #part(part: UiPart): void {
    const same = part.type.startsWith("data-") && part.id !== undefined;
    const before = same ? this.#parts.find(({ type, id }) => type === part.type && id === part.id) : undefined;
    if (before) before.data = part.data;
    else this.#parts.push({ ...part });
  }

  #call(
    { toolCallId, toolName, dynamic, title, providerExecuted }: CallName,
    rest: JsonObject,
    input?: JsonValue,
  ): void {
    let part = this.#calls.get(toolCallId);
    if (part === undefined) {
      part = dynamic ? { type: "dynamic-tool", toolName, toolCallId } : { type: `tool-${toolName}`, toolCallId };
      this.#calls.set(toolCallId, part);
      this.#parts.push(part);
    }
    Object.assign(part, title !== undefined && { title }, { providerExecuted, input, rawInput: undefined }, rest);
  }

  #approval(chunk: Extract<Chunk, { type: "tool-approval-request" | "tool-approval-response" }>): void {
    const { approvalId, reason } = chunk;
    if (chunk.type === "tool-approval-request") {
      const part = this.#calls.get(chunk.toolCallId);
      if (part === undefined) return;
      this.#asked.set(approvalId, part);
      const asked = { id: approvalId, ...(reason !== undefined && { requestReason: reason }) };
      const rawInput = part.input === undefined ? this.#inputs.get(chunk.toolCallId) : undefined;
      Object.assign(part, this.#streamed(part, chunk.toolCallId), {
        rawInput,
        state: "approval-requested",
        approval: asked,
      });
      return;
    }
    const part = this.#asked.get(approvalId);
    if (part === undefined) return;
    const said = { approved: chunk.approved, ...(reason !== undefined && { reason }) };
    Object.assign(part, { state: "approval-responded", approval: { ...(part.approval as JsonObject), ...said } });
  }

  #settle(toolCallId: string, result: Omit<Draft, "type">): void {
    const part = this.#calls.get(toolCallId);
    if (part === undefined) return;
    Object.assign(part, this.#streamed(part, toolCallId), result);
  }

  /** Of a call whose input was not told whole, the pieces alone tell it. */
  #streamed(part: Draft, toolCallId: string): JsonObject {
    const text = this.#inputs.get(toolCallId);
    return part.input === undefined && text !== undefined ? { input: jsonOr(text) } : {};
  }
}
