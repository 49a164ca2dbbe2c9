// The one error type for faults of an HTTP request before or beside the call itself.
import { Code } from "@connectrpc/connect";

/** Where in the request a value stood. */
export type Place = "path" | "query" | "header" | "body";

/** One broken rule. */
export interface Violation {
  readonly place: Place;
  /** A field path in the names of the contract, such as `filter.page_size`, or the name of a parameter or header. */
  readonly field: string;
  /** The rule in plain words, as it reads after the field's name: `must be a decimal integer`. */
  readonly description: string;
  /** A stable id of the rule, such as `int32`. */
  readonly rule: string;
}

interface Kind {
  readonly status: number;
  readonly code: Code;
}

/** Every kind of problem with its HTTP status and its RPC code. */
export const PROBLEMS = {
  /** A value breaks a rule. */
  invalid: { status: 400, code: Code.InvalidArgument },
  /** The body cannot be read: not JSON, not UTF-8, broken off, wrongly compressed. */
  malformed: { status: 400, code: Code.InvalidArgument },
  /** No route has this path. */
  not_found: { status: 404, code: Code.NotFound },
  /** Routes have this path, but not for this HTTP method. */
  method_not_allowed: { status: 405, code: Code.Unimplemented },
  /** No response format matches `Accept`. */
  not_acceptable: { status: 406, code: Code.InvalidArgument },
  /** A conditional header does not hold. */
  precondition_failed: { status: 412, code: Code.Aborted },
  /** The body is longer than allowed. */
  too_large: { status: 413, code: Code.ResourceExhausted },
  /** The body's media type or content coding is not understood. */
  unsupported_media_type: { status: 415, code: Code.InvalidArgument },
} as const satisfies Record<string, Kind>;

export type ProblemKind = keyof typeof PROBLEMS;

/** A problem with the HTTP request. Its message and violations are shown to the caller and echo no value. */
export class RestProblem extends Error {
  override readonly name = "RestProblem";
  readonly kind: ProblemKind;
  readonly violations: readonly Violation[];
  /** Headers that the response needs, such as `allow`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    kind: ProblemKind,
    message: string,
    violations: readonly Violation[] = [],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.kind = kind;
    this.violations = violations;
    this.headers = headers;
  }

  get status(): number {
    return PROBLEMS[this.kind].status;
  }

  get code(): Code {
    return PROBLEMS[this.kind].code;
  }
}

/** The problem of one value that breaks a rule. */
export function invalid(place: Place, field: string, description: string, rule: string): RestProblem {
  return new RestProblem("invalid", `${field}: ${description}`, [{ place, field, description, rule }]);
}

/** The problem of several. There is at least one. */
export function invalidAll(violations: readonly Violation[]): RestProblem {
  const message = violations.map(({ field, description }) => (field === "" ? description : `${field}: ${description}`));
  return new RestProblem("invalid", message.join("; "), violations);
}
