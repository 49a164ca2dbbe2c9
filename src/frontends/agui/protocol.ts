// AG-UI 1.0 as it is written here: messages and events. A field that is not there is left out, never null.

export const PROTOCOL_VERSION = "1.0";

export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

export type Source =
  | { readonly type: "data"; readonly value: string; readonly mimeType: string }
  | { readonly type: "url"; readonly value: string; readonly mimeType?: string }
  | { readonly type: "file"; readonly value: string; readonly mimeType?: string; readonly provider?: string };

export const MEDIA = ["image", "audio", "video", "document"] as const;
export type Medium = (typeof MEDIA)[number];

export type ContentPart = { readonly id?: string; readonly metadata?: unknown } & (
  | { readonly type: "text"; readonly text: string }
  | { readonly type: Medium; readonly source: Source }
);

export type Content = string | readonly ContentPart[];

export type AguiMessage =
  | { readonly id: string; readonly role: "user"; readonly content: Content; readonly metadata?: object }
  | { readonly id: string; readonly role: "system" | "developer"; readonly content: string; readonly metadata?: object }
  | {
      readonly id: string;
      readonly role: "assistant";
      readonly content?: string;
      toolCalls?: ToolCall[];
      readonly metadata?: object;
    }
  | { readonly id: string; readonly role: "reasoning"; readonly content: string }
  | {
      readonly id: string;
      readonly role: "tool";
      readonly toolCallId: string;
      readonly content: Content;
      readonly error?: string;
    };

export interface Interrupt {
  readonly id: string;
  readonly reason: string;
  readonly message: string;
  readonly toolCallId: string;
  readonly responseSchema: object;
  readonly expiresAt?: string;
}

export type Outcome =
  | { readonly type: "success"; readonly pendingToolCallIds?: readonly string[] }
  | { readonly type: "interrupt"; readonly interrupts: readonly Interrupt[] }
  | { readonly type: "cancelled" };

export interface Usage {
  readonly model?: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  readonly reasoningTokens: number;
  readonly cachedInputTokens: number;
}

interface Run {
  readonly threadId: string;
  readonly runId: string;
}

export type AguiEvent =
  | ({ readonly type: "RUN_STARTED"; readonly protocolVersion: string; readonly parentRunId?: string } & Run)
  | ({ readonly type: "RUN_FINISHED"; readonly outcome: Outcome; readonly usage?: readonly Usage[] } & Run)
  | { readonly type: "RUN_ERROR"; readonly message: string; readonly code: string; readonly usage?: readonly Usage[] }
  | { readonly type: "MESSAGES_SNAPSHOT"; readonly messages: readonly AguiMessage[] }
  | { readonly type: "TEXT_MESSAGE_START"; readonly messageId: string; readonly role: "assistant" }
  | { readonly type: "TEXT_MESSAGE_CONTENT"; readonly messageId: string; readonly delta: string }
  | { readonly type: "TEXT_MESSAGE_END"; readonly messageId: string }
  | { readonly type: "REASONING_START"; readonly messageId: string }
  | { readonly type: "REASONING_MESSAGE_START"; readonly messageId: string; readonly role: "reasoning" }
  | { readonly type: "REASONING_MESSAGE_CONTENT"; readonly messageId: string; readonly delta: string }
  | { readonly type: "REASONING_MESSAGE_END"; readonly messageId: string }
  | { readonly type: "REASONING_END"; readonly messageId: string }
  | {
      readonly type: "TOOL_CALL_START";
      readonly toolCallId: string;
      readonly toolCallName: string;
      readonly parentMessageId: string;
    }
  | { readonly type: "TOOL_CALL_ARGS"; readonly toolCallId: string; readonly delta: string }
  | { readonly type: "TOOL_CALL_END"; readonly toolCallId: string }
  | {
      readonly type: "TOOL_CALL_RESULT";
      readonly messageId: string;
      readonly toolCallId: string;
      readonly content: Content;
      readonly role: "tool";
    }
  | { readonly type: "STATE_SNAPSHOT"; readonly snapshot: unknown }
  | { readonly type: "STATE_DELTA"; readonly delta: readonly unknown[] }
  | { readonly type: "CUSTOM"; readonly name: string; readonly value: unknown };
