// The chunks of a UI message stream that this server sends.
import type { JsonValue } from "@bufbuild/protobuf";
import type { UiPart } from "../request.ts";

/** How a call of a tool is named in chunks: `providerExecuted` where it is not the client that runs it. */
export interface CallName {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly providerExecuted: boolean;
  readonly dynamic?: true;
  readonly title?: string;
}

export type FinishReason = "stop" | "length" | "content-filter" | "tool-calls" | "error" | "other";

export type Chunk =
  | { readonly type: "start"; readonly messageId: string }
  | { readonly type: "start-step" | "finish-step" | "abort" }
  | { readonly type: "text-start" | "text-end" | "reasoning-start" | "reasoning-end"; readonly id: string }
  | { readonly type: "text-delta" | "reasoning-delta"; readonly id: string; readonly delta: string }
  | ({ readonly type: "tool-input-start" } & CallName)
  | { readonly type: "tool-input-delta"; readonly toolCallId: string; readonly inputTextDelta: string }
  | ({ readonly type: "tool-input-available"; readonly input: JsonValue } & CallName)
  | {
      readonly type: "tool-approval-request";
      readonly approvalId: string;
      readonly toolCallId: string;
      readonly reason?: string;
    }
  | {
      readonly type: "tool-approval-response";
      readonly approvalId: string;
      readonly approved: boolean;
      readonly reason?: string;
    }
  | {
      readonly type: "tool-output-available";
      readonly toolCallId: string;
      /** Missing: the tool gave nothing. */
      readonly output?: JsonValue;
      readonly providerExecuted: boolean;
      readonly preliminary?: true;
    }
  | {
      readonly type: "tool-output-error";
      readonly toolCallId: string;
      readonly errorText: string;
      readonly providerExecuted: boolean;
    }
  | { readonly type: "tool-output-denied"; readonly toolCallId: string }
  | { readonly type: "part"; readonly part: UiPart }
  | { readonly type: "finish"; readonly finishReason: FinishReason }
  | { readonly type: "error"; readonly errorText: string };

/** The data of the last event of a stream that has told all. */
export const DONE = "[DONE]";
