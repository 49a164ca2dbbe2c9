// The pieces of an agent's reply, which connectors yield, and turns store and stream.
import type { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Annotation, Part, ToolPlace, ToolType } from "../../../gen/colloquy/v1/part_pb.ts";

/**
 * A piece of a reply. Pieces make items, one at a time and in order: a message, a reasoning, a call of a tool, or a
 * whole part. An item is open until one of another kind, another call or another step begins; then it is whole, and
 * becomes an entry of the log. So calls come one after the other: what arrives mixed is sorted before it is yielded.
 */
export type ReplyPiece =
  /** The agent is alive, and has nothing to say. Any piece resets the idle timeout. */
  | { readonly kind: "heartbeat" }
  /** One call of the model begins. The first step needs none, and one after an empty step changes nothing. */
  | { readonly kind: "step" }
  /** More text of the message. Half of a surrogate pair waits for its other half. */
  | { readonly kind: "text"; readonly text: string }
  /** What a range of the open message's text was drawn from. Ranges count from the beginning of the message. */
  | { readonly kind: "annotation"; readonly annotation: Annotation }
  /** More of the thoughts. With the first of them may come the provider's id, which becomes the part's. */
  | { readonly kind: "reasoning"; readonly text: string; readonly id?: string }
  | ReasoningEnd
  | ToolCallBegin
  /** More of a call's arguments, as the model wrote them. The call is the last one that began. */
  | { readonly kind: "arguments"; readonly callId: string; readonly text: string }
  /**
   * A whole part. With `entry` message it joins the open message, or begins one: a file, a source, data, a refusal, an
   * opaque part. Else it is an entry of its own: the result of a call that the agent or its provider has run (tool
   * result), or a provider's item (item, opaque).
   */
  | { readonly kind: "part"; readonly entry: MessageKind; readonly part: Part }
  | Usage;

/** Ends the reasoning, or is one without text. */
export interface ReasoningEnd {
  readonly kind: "reasoning_end";
  /** The provider's id, which becomes the part's. */
  readonly id?: string;
  readonly summary?: readonly string[];
  /** What only the provider can read; it goes back unchanged. */
  readonly encrypted?: string;
  /** A JSON object that becomes the part's `extra_json`. */
  readonly providerJson?: string;
  /** Whether a limit or a filter cut the reply within it. */
  readonly cut?: boolean;
}

/** A call of a tool begins. Without `arguments` after it, its arguments are empty. */
export interface ToolCallBegin {
  readonly kind: "tool_call";
  /** Not empty, and unique in the turn: a connector invents one where the provider gives none. */
  readonly callId: string;
  readonly name: string;
  /** Default: a function. */
  readonly type?: ToolType;
  /**
   * Default: where the turn's tool of that name runs. `AGENT` and `PROVIDER`: the turn runs nothing, and the result
   * comes as a part.
   */
  readonly runsAt?: ToolPlace;
  readonly title?: string;
  /** The provider's id of the item, where it differs from the call's. Becomes the part's. */
  readonly partId?: string;
  /** A JSON object that becomes the part's `extra_json`. */
  readonly providerJson?: string;
}

/** What one call of the model has used. Several add up; of the models the last counts. */
export interface Usage {
  readonly kind: "usage";
  readonly inputTokens?: bigint;
  readonly outputTokens?: bigint;
  /** Of the input: read from a cache. */
  readonly cachedTokens?: bigint;
  /** Of the output: thoughts. */
  readonly reasoningTokens?: bigint;
  /** Of the input: written to a cache. */
  readonly cacheWriteTokens?: bigint;
  readonly model?: string;
}

/** The piece that says nothing. */
export const HEARTBEAT: ReplyPiece = { kind: "heartbeat" };

/** A piece of text, or a heartbeat where there is none. */
export function textPiece(text: string): ReplyPiece {
  return text === "" ? HEARTBEAT : { kind: "text", text };
}

/** Whether something was produced that a retry would repeat. */
export function saysSomething(piece: ReplyPiece): boolean {
  const { kind } = piece;
  if (kind === "reasoning") return piece.text !== "";
  return kind !== "heartbeat" && kind !== "step" && kind !== "usage";
}

/** Whether it belongs to the reply; reasoning alone does not. */
export function answers(piece: ReplyPiece): boolean {
  return saysSomething(piece) && piece.kind !== "reasoning" && piece.kind !== "reasoning_end";
}
