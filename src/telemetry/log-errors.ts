// How an unforeseen failure looks in the log: enough to find the fault, nothing of what callers sent.

/** What is logged of an error. */
export interface LoggedFailure {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly stack: readonly string[];
  readonly cause?: LoggedFailure;
}

/**
 * The messages of drivers and parsers quote their input: SQL with its values, JSON, keys. So a message is logged only
 * where the class is one that the language or this code throws.
 */
const PLAIN: ReadonlySet<unknown> = new Set([Error, TypeError, RangeError, ReferenceError]);

/**
 * Codes whose messages quote nothing of a statement: of sockets and name lookup, and SQLSTATEs of connections, credentials,
 * transaction states, missing databases, resources and operators (PostgreSQL manual, appendix A).
 */
const TELLING = /^(E[A-Z_]{3,}|(08|25|28|3D|53|57|58)[\dA-Z]{3})$/;

/** Describes an error for the log: its class, code and stack frames, and its message where that is safe. */
export function describeFailure(error: unknown, depth = 0): LoggedFailure {
  if (!(error instanceof Error)) return { type: typeof error, stack: [] };
  const code: unknown = "code" in error ? error.code : undefined;
  return {
    type: error.constructor.name,
    ...(typeof code === "string" && /^\w{1,40}$/.test(code) ? { code } : {}),
    ...(PLAIN.has(error.constructor) || (typeof code === "string" && TELLING.test(code))
      ? { message: error.message.slice(0, 500) }
      : {}),
    stack: (error.stack ?? "").split("\n").filter((line) => /^ {4}at /.test(line)),
    ...(error.cause !== undefined && depth < 3 ? { cause: describeFailure(error.cause, depth + 1) } : {}),
  };
}
