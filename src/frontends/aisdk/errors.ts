// Failures as a chat shows them: the whole body is the text of the error.
import { readFailure, STATUSES } from "../../dialects/shared/errors.ts";
import type { RenderError } from "../../protocols/rest/binding/mount.ts";

export const renderError: RenderError = (failure, info) => {
  const { kind, reason, violations } = readFailure(failure, info);
  const isConflict = kind === "conflict" || reason === "NOT_AWAITED";
  const text = failure.problem?.message ?? failure.error.rawMessage;
  return {
    status: isConflict ? STATUSES.conflict : failure.status,
    headers: { ...failure.headers, "content-type": "text/plain; charset=utf-8" },
    body: undefined,
    text: violations.length > 0 ? text : sentence(text),
  };
};

function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
