// The calls of a turn in its UI message: when their input is told, and what settles them.
import type { JsonValue } from "@bufbuild/protobuf";
import type {
  ApprovalRequestPart,
  ApprovalResponsePart,
  ToolCallPart,
  ToolResultPart,
} from "../../../../gen/colloquy/v1/part_pb.ts";
import { jsonOr } from "../parts/write.ts";
import type { CallName, Chunk } from "./chunks.ts";
import type { Held } from "./held.ts";
import { errorOf, outputOf } from "./results.ts";

interface Call extends CallName {
  input: JsonValue;
  /** Whether the client knows that the input is whole, and whether it was told to run the call. */
  told: "no" | "shown" | "to run";
  denied: boolean;
  settled: boolean;
}

/**
 * The input of a call that the client runs is told last of all, when the turn waits for its result: by that chunk a
 * client begins to run it. So a call that must be allowed first does not run before, and one that is settled not again.
 */
export class TurnCalls {
  readonly #held: Held;
  readonly #calls = new Map<string, Call>();
  readonly #callOf = new Map<string, string>();

  constructor(held: Held) {
    this.#held = held;
  }

  begin(name: CallName): void {
    const told = this.#held.inputs.has(name.toolCallId) ? "to run" : "no";
    this.#calls.set(name.toolCallId, { ...name, input: {}, told, denied: false, settled: false });
  }

  /** The call is whole. */
  *whole({ callId = "", arguments: text = "" }: ToolCallPart): Generator<Chunk> {
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    call.input = text.trim() === "" ? {} : jsonOr(text);
    if (call.providerExecuted) yield* this.#show(call);
    else if (text.trim() === "") yield { type: "tool-input-delta", toolCallId: callId, inputTextDelta: "{}" };
  }

  /** The client is to run it. */
  *handOver(callId: string): Generator<Chunk> {
    const call = this.#calls.get(callId);
    if (call === undefined || call.told === "to run") return;
    call.told = "to run";
    yield inputOf(call, false);
  }

  *asks({ approvalId = "", callId = "", reason }: ApprovalRequestPart): Generator<Chunk> {
    this.#callOf.set(approvalId, callId);
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    // Not the client's to run yet.
    const chunks = this.#clientRunsAnother(call) ? this.#leaveOpen(call) : this.#show(call);
    const unheard = [...chunks];
    if (this.#held.asked.has(approvalId)) return;
    yield* unheard;
    yield { type: "tool-approval-request", approvalId, toolCallId: callId, ...(reason !== undefined && { reason }) };
  }

  *answer({ approvalId = "", granted = false, reason }: ApprovalResponsePart): Generator<Chunk> {
    const call = this.#calls.get(this.#callOf.get(approvalId) ?? "");
    if (call === undefined) return;
    call.denied = !granted;
    if (this.#held.answered.has(approvalId)) return;
    yield { type: "tool-approval-response", approvalId, approved: granted, ...(reason !== undefined && { reason }) };
  }

  *result(result: ToolResultPart): Generator<Chunk> {
    const { callId: toolCallId = "", isError, preliminary } = result;
    const call = this.#calls.get(toolCallId);
    if (call === undefined) return;
    call.settled = !preliminary;
    if (this.#held.results.has(toolCallId) && !call.denied) return;
    if (call.denied) {
      yield* this.#show(call);
      yield { type: "tool-output-denied", toolCallId };
      return;
    }
    const { providerExecuted } = call;
    if (isError) {
      // An error alone would leave the client the raw text of the input.
      yield* this.#show(call);
      yield { type: "tool-output-error", toolCallId, errorText: errorOf(result), providerExecuted };
      return;
    }
    const output = outputOf(result);
    const early = preliminary ? { preliminary: true as const } : {};
    yield {
      type: "tool-output-available",
      toolCallId,
      ...(output !== undefined && { output }),
      providerExecuted,
      ...early,
    };
  }

  #clientRunsAnother(call: Call): boolean {
    return [...this.#calls.values()].some((other) => other !== call && !other.providerExecuted && !other.settled);
  }

  /**
   * Tells the input as of a call that is not whole. `lastAssistantMessageIsCompleteWithToolCalls` passes over calls
   * that the provider runs, and would send the client's results again and again while this one waits for its answer.
   */
  *#leaveOpen(call: Call): Generator<Chunk> {
    if (call.told === "no") return;
    call.told = "no";
    yield { type: "tool-input-start", ...nameOf(call, false) };
    yield { type: "tool-input-delta", toolCallId: call.toolCallId, inputTextDelta: JSON.stringify(call.input) };
  }

  /** Tells the input in a way that keeps the client from running the call. */
  *#show(call: Call): Generator<Chunk> {
    if (call.told !== "no") return;
    call.told = "shown";
    yield inputOf(call, true);
  }
}

function inputOf(call: Call, providerExecuted: boolean): Chunk {
  return { type: "tool-input-available", ...nameOf(call, providerExecuted), input: call.input };
}

function nameOf({ toolCallId, toolName, dynamic, title }: Call, providerExecuted: boolean): CallName {
  return { toolCallId, toolName, providerExecuted, ...(dynamic && { dynamic }), ...(title !== undefined && { title }) };
}
