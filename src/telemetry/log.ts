// The log: JSON lines on standard output, or wherever it is told to go.
import { type DestinationStream, type Logger, pino } from "pino";
import { describeFailure } from "./log-errors.ts";

export interface LogOptions {
  /** `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. Default: `info`. */
  readonly level?: string;
  readonly destination?: DestinationStream;
}

/** Names that never belong in a line; a second fence behind the rule that nothing of a request is logged. */
const SECRET = new Set(["authorization", "apiKey", "token", "secret", "password", "content", "body"]);

export function createLogger({ level = "info", destination }: LogOptions = {}): Logger {
  const options = {
    level,
    base: null,
    timestamp: isoTime(),
    formatters: { level: (label: string) => ({ level: label }), log: withoutSecrets },
    // Of an error only what quotes nothing of a caller's, whoever logs it.
    serializers: { err: (error: unknown) => (error instanceof Error ? describeFailure(error) : error) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/** Writes the time as `Date.toISOString` does; but for the milliseconds it is that of the line before, mostly. */
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

/** Covers the line's own fields and those of its objects. pino's own redaction takes twice as long as all the rest. */
function withoutSecrets(line: Fields): Fields {
  return covered(line, (value) => (isObject(value) ? covered(value, (inner) => inner) : value));
}

/** The fields themselves if there is nothing to cover. */
function covered(fields: Fields, inside: (value: unknown) => unknown): Fields {
  let result = fields;
  for (const name in fields) {
    const value = fields[name];
    const shown = SECRET.has(name) ? "[redacted]" : inside(value);
    if (shown !== value) result = { ...result, [name]: shown };
  }
  return result;
}

/** Errors have a serializer of their own. */
function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !(value instanceof Error);
}
