// Arguments that several tools take.
import { z } from "zod";
import type { CallContext } from "../../pipeline/call/call.ts";
import { deriveContext } from "../../services/in-process/context.ts";

export const conversationId = z.string().describe("The conversation's id");

export const requestId = z
  .string()
  .optional()
  .describe("Makes a retry harmless for 24 hours: the same id gets the first result. Preferably a UUID");

export const messageText = z.string().describe("The text, at most 256 KiB");

/** The maximum number of results. */
export function limit(max: number, usual: number) {
  return z.int().min(1).max(max).default(usual).describe(`Maximum number of results. Default: ${usual}`);
}

/** The call with the tool's request id as its key, where it has one; else the `Idempotency-Key` of the HTTP request. */
export function keyed(context: CallContext, id: string | undefined): CallContext {
  return id === undefined ? context : deriveContext(context, { idempotencyKey: id });
}
