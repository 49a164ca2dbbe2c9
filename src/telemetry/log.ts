// The log: JSON lines. The command line writes them to standard error.
import { type DestinationStream, type Logger, pino } from "pino";
import { describeFailure } from "./log-errors.ts";

export interface LogOptions {
  /** `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. Default: `info`. */
  readonly level?: string;
  readonly destination?: DestinationStream;
}

/** Names that never belong in a line: a second safeguard, since nothing of a request is logged anyway. */
const SECRET = new Set(["authorization", "apiKey", "token", "secret", "password", "content", "body"]);

export function createLogger({ level = "info", destination }: LogOptions = {}): Logger {
  const options = {
    level,
    base: null,
    timestamp: isoTime(),
    formatters: { level: (label: string) => ({ level: label }), log: withoutSecrets },
    // Errors are always reduced to what quotes nothing of a caller's input.
    serializers: { err: (error: unknown) => (error instanceof Error ? describeFailure(error) : error) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Writes the time like `Date.toISOString`, but caches everything except the milliseconds. */
function isoTime(): () => string {
  let second = Number.NaN;
  let upToSecond = "";
  return () => {
    const now = Date.now();
    const milliseconds = now % 1000;
    if (now - milliseconds !== second) {
      second = now - milliseconds;
      upToSecond = `,"time":"${new Date(second).toISOString().slice(0, 20)}`;
    }
    return `${upToSecond}${String(milliseconds).padStart(3, "0")}Z"`;
  };
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Redacts the line's fields and those of its objects. pino's own redaction takes twice as long as the rest of the line.
 */
function withoutSecrets(line: Fields): Fields {
  return covered(line, (value) => (isObject(value) ? covered(value, (inner) => inner) : value));
}

/** Returns the same object if there is nothing to redact. */
function covered(fields: Fields, inside: (value: unknown) => unknown): Fields {
  let result = fields;
  for (const name in fields) {
    const value = fields[name];
    const shown = SECRET.has(name) ? "[redacted]" : inside(value);
    if (shown !== value) result = { ...result, [name]: shown };
  }
  return result;
}

/** Errors have their own serializer. */
function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !(value instanceof Error);
}
