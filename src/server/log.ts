// The log: JSON lines on standard output, or wherever it is told to go.
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from "pino";
import { describeFailure } from "../rpc/failure-log.ts";

export interface LogOptions {
  /** `trace`, `debug`, `info`, `warn`, `error`, `fatal` or `silent`. Default: `info`. */
  readonly level?: string;
  readonly destination?: DestinationStream;
}

/** Names that never belong in a line; a second fence behind the rule that nothing of a request is logged. */
const SECRET = ["authorization", "apiKey", "token", "secret", "password", "content", "body"];

export function createLogger({ level = "info", destination }: LogOptions = {}): Logger {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    // Of an error only what quotes nothing of a caller's, whoever logs it.
    serializers: { err: (error: unknown) => (error instanceof Error ? describeFailure(error) : error) },
    redact: { paths: [...SECRET, ...SECRET.map((name) => `*.${name}`)], censor: "[redacted]" },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
