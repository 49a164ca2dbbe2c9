// Errors before a run begins: an HTTP status, and JSON with the reason and the rule.
import { readFailure, STATUSES } from "../../dialects/shared/errors.ts";
import type { RenderError } from "../../protocols/rest/binding/mount.ts";

export const renderError: RenderError = (failure, info) => {
  const { kind, reason } = readFailure(failure, info);
  const conflict = reason === "NOT_AWAITED" ? STATUSES.conflict : undefined;
  const status = conflict ?? (kind === "other" ? failure.status : STATUSES[kind]);
  const message = failure.problem?.message ?? failure.error.rawMessage;
  return { status, headers: failure.headers, body: { code: reason.toUpperCase(), message } };
};
