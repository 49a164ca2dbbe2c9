// Errors as the dialect's document has them: the same `APIOutput` as every response, without data.
import type { RenderError } from "../../protocols/rest/binding/mount.ts";
import { type ReadFailure, readFailure, STATUSES } from "../shared/errors.ts";

export const renderError: RenderError = (failure, info) => {
  const read = readFailure(failure, info);
  // A problem with the HTTP request knows its status better, such as 415.
  const status = read.kind !== "other" ? STATUSES[read.kind] : failure.problem === undefined ? 500 : failure.status;
  const body = { status_code: status, message: messageOf(read, info.binding !== undefined), data: null };
  return { status, headers: failure.headers, body };
};

function messageOf({ kind, message, violations }: ReadFailure, routed: boolean): string {
  if (kind === "not_found") return routed ? "Conversation not found" : "Not found";
  if (kind !== "bad_request" || violations.length === 0) return sentence(message);
  return violations
    .map(({ path, description }) => (path.length === 0 ? sentence(description) : `${path.join(".")}: ${description}`))
    .join("; ");
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
