// Unexpected errors in the log: enough to find the cause, without anything that callers sent.

/** The logged form of an error. */
export interface LoggedFailure {
  readonly type: string;
  readonly code?: string;
  readonly message?: string;
  readonly stack: readonly string[];
  readonly cause?: LoggedFailure;
}

/**
 * Messages of drivers and parsers quote their input: SQL with values, JSON, keys. So a message is logged only if the
 * class is thrown by the language or by this code.
 */
const PLAIN: ReadonlySet<unknown> = new Set([Error, TypeError, RangeError, ReferenceError]);

/**
 * Codes whose messages do not quote statements: of sockets and name lookup, and SQLSTATEs of connections, credentials,
 * transaction states, missing databases, resources and operators (PostgreSQL manual, appendix A).
 */
const TELLING = /^(E[A-Z_]{3,}|(08|25|28|3D|53|57|58)[\dA-Z]{3})$/;

/** Describes an error for the log: its class, code and stack frames, and its message if that is safe. */
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
