// Ids for calls of tools that come without one.
import { randomBytes } from "node:crypto";

/** Takes the form of OpenAI's, which all providers accept in histories. */
export function newCallId(): string {
  return `call_${randomBytes(12).toString("hex")}`;
}
