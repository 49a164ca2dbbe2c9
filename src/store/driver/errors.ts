// Classifies errors of the database: unavailable, overloaded, retryable, or the statement's own.
import { DomainError, ErrorReason } from "../../domain/errors.ts";

/** Retry delay for callers, in milliseconds. */
const RETRY_AFTER_MS = 1_000;

/** Errors of sockets and name lookup. ENOENT: the Unix socket of a stopped PostgreSQL. */
const SOCKET_ERRORS = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "ENOENT", "EHOSTUNREACH", "ENETUNREACH"],
  ...["ENOTFOUND", "EAI_AGAIN"],
]);

/**
 * SQLSTATEs that end or prevent a session (PostgreSQL manual, appendix A): shut down, crashed, starting, idle in a
 * transaction for too long, in one for too long, no such database, too many clients.
 */
const SESSION_ERRORS = new Set(["57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04", "3D000", "53300"]);

/** SQLSTATEs for a full disk, no memory, or an I/O error: the statement did nothing. */
const EXHAUSTED = new Set(["53000", "53100", "53200", "53400", "58030"]);

/** Citus: what the statement needs was on another node, such as while a shard moves. The statement did nothing. */
const MOVED = "CIINF";

/** The primary became a standby, or the database read-only: the statement did nothing. */
const READ_ONLY = "25006";

/** PostgreSQL's function that refuses a plan invalidated by a migration; its message is translated, its name is not. */
const REVALIDATE = "RevalidateCachedQuery";

/** Messages for a broken connection: of pg, without a code, and of Citus, with one that says nothing. */
const BROKEN =
  /^(postmaster was shut down, exiting|Connection terminated|timeout expired|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|Connection ended|Query read timeout)/;

const POOL_BUSY = "POOL_BUSY";

/**
 * No connection: too many calls wait, or it waited too long. Recognized by its code, which survives MikroORM's
 * wrapping.
 */
export class PoolBusy extends Error {
  override readonly name = "PoolBusy";
  readonly code = POOL_BUSY;
}

/**
 * `definite`: the statement failed and did nothing. `session`: the connection is lost; its work may have taken effect.
 */
export type FailureKind =
  | "session"
  | "read-only"
  | "conflict"
  | "stale-plan"
  | "timeout"
  | "busy"
  | "exhausted"
  | "definite";

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : "";
}

function routineOf(error: unknown): unknown {
  return (error as { routine?: unknown } | null)?.routine;
}

/** Whether a lock was waited for as long as the session allows. */
export function isLockTimeout(error: unknown): boolean {
  return codeOf(error) === "55P03";
}

/**
 * Whether a node of a Citus cluster refused it, not the server that the session is on: Citus raises errors of nodes in
 * this function.
 */
export function isOfNode(error: unknown): boolean {
  return routineOf(error) === "ReportResultError";
}

export function kindOf(error: unknown): FailureKind {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : "";
  if (SOCKET_ERRORS.has(code) || SESSION_ERRORS.has(code) || /^(08|28)/.test(code)) return "session";
  if (code === "40001" || code === "40P01" || code === "55P03" || code === MOVED) return "conflict";
  if (code === READ_ONLY) return "read-only";
  if (code === "57014") return "timeout";
  if (EXHAUSTED.has(code)) return "exhausted";
  // A migration changed a table of a prepared statement, or a pooler lost it: a new connection helps.
  if (code === "26000" || (code === "0A000" && routineOf(error) === REVALIDATE)) return "stale-plan";
  if (code === POOL_BUSY) return "busy";
  return BROKEN.test(message) ? "session" : "definite";
}

export function unavailable(cause: unknown, outcomeUnknown = false): DomainError {
  return new DomainError(
    ErrorReason.DATABASE_UNAVAILABLE,
    outcomeUnknown
      ? "the connection to the database broke: whether the change took effect is unknown"
      : "the database cannot be reached",
    { cause, retryAfterMs: RETRY_AFTER_MS, ...(outcomeUnknown && { metadata: { outcome: "unknown" } }) },
  );
}

export function readOnly(cause?: unknown): DomainError {
  return new DomainError(ErrorReason.DATABASE_UNAVAILABLE, "the database takes no changes at the moment", {
    cause,
    retryAfterMs: RETRY_AFTER_MS,
  });
}

export function overloaded(message: string, cause?: unknown): DomainError {
  return new DomainError(ErrorReason.OVERLOADED, message, { cause, retryAfterMs: RETRY_AFTER_MS });
}

/**
 * Maps an error of pg or MikroORM to a DomainError where there is one; returns any other error unchanged, so that a
 * statement's own error, such as a constraint violation, can be handled by its `code`.
 */
export function translate(error: unknown): unknown {
  if (error instanceof DomainError) return error;
  switch (kindOf(error)) {
    case "session":
    case "stale-plan":
      return unavailable(error);
    case "read-only":
      return readOnly(error);
    case "exhausted":
      return new DomainError(ErrorReason.DATABASE_UNAVAILABLE, "the database is out of disk space or memory", {
        cause: error,
        retryAfterMs: RETRY_AFTER_MS,
      });
    case "busy":
      return overloaded("every database connection is busy", error);
    case "conflict":
      return overloaded("the change kept colliding with others", error);
    case "timeout":
      return overloaded("the database took too long", error);
    case "definite":
      return error;
  }
}
