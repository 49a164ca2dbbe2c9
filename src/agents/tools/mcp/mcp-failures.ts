// The texts in which an agent reads that an MCP server failed.
import { SdkError, SdkErrorCode, SdkHttpError } from "@modelcontextprotocol/client";
import { ResponseTooLarge } from "../../../outbound/response-too-large.ts";
import { wasNeverSent } from "../never-sent.ts";
import { MAY_HAVE_RUN } from "../tool-runner.ts";

/** How much of a server's own words is passed on, in characters. */
const MAX_WORDS = 500;

/** Whether the server knows nothing of the session any more; then it has not run the call. */
export function isForgotten(error: unknown): boolean {
  return error instanceof SdkHttpError && error.status === 404;
}

export function wordsOf(error: unknown): string {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof ResponseTooLarge) return at.message;
  }
  if (error instanceof SdkHttpError) return `the MCP server answered with status ${error.status}`;
  if (error instanceof SdkError && error.code === SdkErrorCode.RequestTimeout)
    return `the tool took too long: ${MAY_HAVE_RUN}`;
  if (error instanceof SdkError && error.code === SdkErrorCode.InvalidResult) {
    return `the tool has run, but its result is invalid: ${faultOf(error)}`;
  }
  // An error of JSON-RPC, in the server's words.
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === "number") {
    return `the MCP server refused the call: ${String(message).toWellFormed().slice(0, MAX_WORDS)}`;
  }
  if (wasNeverSent(error)) return "the MCP server cannot be reached";
  return `the connection to the MCP server broke off: ${MAY_HAVE_RUN}`;
}

/** What is wrong with a result: the client says it as a list of faults in JSON. */
function faultOf({ message }: Error): string {
  const words = message.replace(/^Invalid result for [^:]*: /, "");
  let told = words;
  try {
    const [fault] = JSON.parse(words) as { path: (string | number)[]; message: string }[];
    if (fault !== undefined) told = `${fault.path.join(".")}: ${fault.message}`;
  } catch {
    // Words of its own.
  }
  return told.toWellFormed().slice(0, MAX_WORDS);
}
