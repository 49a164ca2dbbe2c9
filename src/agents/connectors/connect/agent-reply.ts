// Turns the responses of an agent of the contract into pieces.
import type { ReplyResponse, ToolCall } from "../../../../gen/colloquy/agent/v1/agent_service_pb.ts";
import { MessageKind } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type Part, ToolPlace } from "../../../../gen/colloquy/v1/part_pb.ts";
import type { ReplyPiece } from "../../../domain/turns/reply-piece.ts";
import { FinishReason } from "../../../domain/turns/turn.ts";
import { CallSorter, type SortedCall } from "../call-sorter.ts";
import { AgentFailure } from "../connector.ts";
import { Pieces } from "../pieces.ts";

export class AgentReply {
  readonly #out = new Pieces();
  readonly #sorter = new CallSorter(this.#out);
  readonly #tools: ReadonlySet<string>;
  readonly #calls = new Map<string, SortedCall>();
  /** Calls of the request's tools that have no result. */
  readonly #asked = new Set<string>();
  #last = "";
  #finish = FinishReason.UNSPECIFIED as FinishReason;

  /** @param tools the names of the request's tools */
  constructor(tools: Iterable<string>) {
    this.#tools = new Set(tools);
  }

  take({ text, finishReason, piece }: ReplyResponse): ReplyPiece[] {
    this.#finish = finishReason || this.#finish;
    if (text !== "") this.#sorter.other({ kind: "text", text });
    switch (piece.case) {
      case "reasoning":
        if (piece.value !== "") this.#sorter.other({ kind: "reasoning", text: piece.value });
        break;
      case "reasoningEnd": {
        const { id, summary, encrypted, extraJson } = piece.value;
        this.#sorter.other({
          kind: "reasoning_end",
          ...(id !== "" && { id }),
          ...(summary.length > 0 && { summary }),
          ...(encrypted !== "" && { encrypted }),
          ...(extraJson !== "" && { providerJson: extraJson }),
        });
        break;
      }
      case "toolCall":
        this.#begin(piece.value);
        break;
      case "arguments":
        this.#argue(piece.value.callId || this.#last, piece.value.text);
        break;
      case "part":
        this.#part(piece.value);
        break;
      case "annotation":
        this.#sorter.other({ kind: "annotation", annotation: piece.value });
        break;
      case "usage": {
        const { inputTokens, outputTokens, cachedTokens, reasoningTokens, cacheWriteTokens, model } = piece.value;
        const counts = { inputTokens, outputTokens, cachedTokens, reasoningTokens, cacheWriteTokens };
        const known = Object.entries(counts).filter(([, value]) => value !== undefined);
        this.#sorter.other({ kind: "usage", ...Object.fromEntries(known), ...(model !== "" && { model }) });
        break;
      }
      case "step":
        this.#sorter.end();
        this.#sorter.other({ kind: "step" });
    }
    return this.#out.take();
  }

  end(): { readonly pieces: ReplyPiece[]; readonly finish: FinishReason } {
    this.#sorter.end();
    const implied = this.#asked.size > 0 ? FinishReason.TOOL_CALLS : FinishReason.STOP;
    return { pieces: this.#out.take(), finish: this.#finish || implied };
  }

  #begin({ callId, name, type, runsAt, title, extraJson, arguments: text }: ToolCall): void {
    const place = runsAt || (this.#tools.has(name) ? undefined : ToolPlace.AGENT);
    if (callId === "" || name === "") throw broken("a call without its id or name");
    if (this.#calls.has(callId)) throw broken("two calls with one id");
    if (place === undefined) this.#asked.add(callId);
    const call = this.#sorter.begin({
      kind: "tool_call",
      callId,
      name,
      ...(type !== 0 && { type }),
      ...(place !== undefined && { runsAt: place }),
      ...(title !== "" && { title }),
      ...(extraJson !== "" && { providerJson: extraJson }),
    });
    this.#calls.set(callId, call);
    this.#last = callId;
    this.#sorter.arguments(call, text);
  }

  #argue(callId: string, text: string): void {
    const call = this.#calls.get(callId);
    if (call === undefined) throw broken("arguments without their call");
    this.#sorter.arguments(call, text);
  }

  #part(part: Part): void {
    switch (part.content.case) {
      case "text": {
        const { text, annotations } = part.content.value;
        if (text !== "") this.#sorter.other({ kind: "text", text });
        for (const annotation of annotations) this.#sorter.other({ kind: "annotation", annotation });
        break;
      }
      case "toolResult": {
        const { callId = "", preliminary } = part.content.value;
        const call = this.#calls.get(callId);
        if (call === undefined) throw broken("a result without its call");
        // No more arguments come: the call's entry is before that of its result.
        this.#sorter.close(call);
        if (preliminary !== true) this.#asked.delete(callId);
        this.#sorter.other({ kind: "part", entry: MessageKind.TOOL_RESULT, part });
        break;
      }
      case "opaque":
        this.#sorter.other({ kind: "part", entry: MessageKind.ITEM, part });
        break;
      case "step":
        this.#sorter.end();
        this.#sorter.other({ kind: "step" });
        break;
      case "file":
      case "source":
      case "data":
      case "refusal":
        this.#sorter.other({ kind: "part", entry: MessageKind.MESSAGE, part });
        break;
      default:
        throw broken("a part that has a piece of its own");
    }
  }
}

function broken(what: string): AgentFailure {
  return new AgentFailure(`the agent sent ${what}`, { health: "up" });
}
