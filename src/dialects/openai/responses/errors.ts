// Errors of the calls that make up a response, with the field names of its request.
import { DomainError } from "../../../domain/errors.ts";

const NAMES: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^messages\b/, "input"],
  [/^agent$|^conversation\.agent$/, "model"],
  [/^previous_turn_id$/, "previous_response_id"],
  [/^options\./, ""],
];

/** What the services say of a turn, said of its response. */
export function inResponse(error: unknown): unknown {
  const violations = error instanceof DomainError ? error.details.violations : undefined;
  if (!(error instanceof DomainError) || violations === undefined) return error;
  const renamed = violations.map((violation) => ({ ...violation, field: nameOf(violation.field) }));
  const [first] = renamed;
  const message = first === undefined ? error.message : `${first.field}: ${first.description}`;
  return new DomainError(error.reason, message, { ...error.details, violations: renamed });
}

function nameOf(field: string): string {
  const known = NAMES.find(([pattern]) => pattern.test(field));
  return known === undefined ? field : field.replace(known[0], known[1]);
}
