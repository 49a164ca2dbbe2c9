// The calls of a turn that have no result yet, as its row keeps them.
import { createHash } from "node:crypto";
import type { ToolRunner } from "./agent-tool.ts";

/**
 * What a call waits for: this server's work, a result that a client brings, or somebody's consent. `nothing`: no tool
 * of the turn has its name.
 */
export type CallNeed = "run" | "result" | "approval" | "nothing";

export interface PendingCall {
  readonly callId: string;
  readonly name: string;
  /** The entry of the call. */
  readonly entryId: string;
  readonly place: ToolRunner | undefined;
  readonly needs: CallNeed;
  /** The id of the question whether it may run, once that is asked. */
  readonly approvalId?: string;
  /** See {@link digestOf}. Undefined: it was stored by an earlier version. */
  readonly digest?: string;
}

/** Tells arguments apart: the log may be edited while a call waits, and what runs must be what was asked for. */
export function digestOf(callArguments: string): string {
  return createHash("sha256").update(callArguments).digest("base64url");
}

/** Whether a turn waits for a result or an approval. */
export function awaitsInput({ needs }: PendingCall): boolean {
  return needs === "result" || needs === "approval";
}

/** What the column holds; null: no call is open. */
export function pendingText(calls: readonly PendingCall[]): string | null {
  // Well-formed JSON has no U+0000 that the column would refuse.
  return calls.length === 0 ? null : JSON.stringify(calls);
}

export function readPending(text: string | null): PendingCall[] {
  return text === null ? [] : (JSON.parse(text) as PendingCall[]);
}
