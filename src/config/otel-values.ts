// The standard OTEL_* variables that say whether and how calls are traced (OpenTelemetry specification, "Environment
// Variable Specification"). The exporter itself reads endpoint, headers, TLS and compression, and leaves out silently what
// it does not understand: those are checked here.
import { accessSync, constants } from "node:fs";

type Environment = Readonly<Record<string, string | undefined>>;

export const SAMPLERS = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export interface TracingSettings {
  readonly sampler: (typeof SAMPLERS)[number];
  /** The share of traces to keep, 0 to 1, for the samplers by ratio. */
  readonly ratio: number;
  /** Milliseconds between two exports. */
  readonly delayMs: number;
  /** Milliseconds that an export may take with its retries. A stop waits so long for a collector that is away. */
  readonly timeoutMs: number;
  /** Spans that wait at most, and of one export; further ones are dropped. */
  readonly maxQueue: number;
  readonly maxBatch: number;
}

/** The name of a header or an attribute, and a value in which % begins an escape. */
const PAIR = /^\s*[\w!#$%&'*+.^`|~-]+\s*=(?:[^%]|%[\da-f]{2})*$/i;
const ENDPOINTS = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/** Undefined: calls are not traced. Adds a line to `problems` for each variable with a value that is not understood. */
export function tracingSettings(environment: Environment, problems: string[]): TracingSettings | undefined {
  const value = (name: string) => environment[name]?.trim() || undefined;
  const check = (name: string, allowed: readonly string[], rule: string) => {
    const given = value(name)?.toLowerCase();
    if (given !== undefined && !allowed.includes(given)) problems.push(`${name}: ${rule}`);
    return given;
  };
  const number = (name: string, preset: number, max: number) => {
    const text = value(name) ?? String(preset);
    if (/^\d{1,9}$/.test(text) && Number(text) >= 1 && Number(text) <= max) return Number(text);
    problems.push(`${name}: must be a number from 1 to ${max}`);
    return preset;
  };
  const pairs = (name: string) => {
    const given = value(name)?.split(",") ?? [];
    if (given.every((pair) => pair.trim() === "" || PAIR.test(pair))) return;
    problems.push(`${name}: must be a list such as name=value,name=value, with values as in URLs (%20 for a space)`);
  };
  const off = value("OTEL_SDK_DISABLED")?.toLowerCase() === "true";
  const exporter = value("OTEL_TRACES_EXPORTER")?.toLowerCase();
  const named = ENDPOINTS.some((name) => value(name) !== undefined);
  if (off || exporter === "none" || (exporter === undefined && !named)) return undefined;

  check("OTEL_TRACES_EXPORTER", ["otlp"], "must be otlp or none");
  for (const name of ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]) {
    check(name, ["http/protobuf"], "must be http/protobuf: traces are sent over HTTP as Protobuf only");
  }
  for (const name of ENDPOINTS) {
    const url = value(name);
    if (url !== undefined && !(URL.canParse(url) && /^https?:/i.test(url))) {
      problems.push(`${name}: must be a URL that begins with http:// or https://`);
    }
  }
  for (const prefix of ["OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_"]) {
    const compression = value(`${prefix}COMPRESSION`) ?? "none";
    if (!["gzip", "none"].includes(compression)) problems.push(`${prefix}COMPRESSION: must be gzip or none`);
    pairs(`${prefix}HEADERS`);
    for (const name of [`${prefix}CERTIFICATE`, `${prefix}CLIENT_KEY`, `${prefix}CLIENT_CERTIFICATE`]) {
      const file = value(name);
      if (file !== undefined && !canRead(file)) problems.push(`${name}: must name a file that can be read`);
    }
  }
  pairs("OTEL_RESOURCE_ATTRIBUTES");
  const sampler = check("OTEL_TRACES_SAMPLER", SAMPLERS, `must be one of ${SAMPLERS.join(", ")}`);
  const ratio = value("OTEL_TRACES_SAMPLER_ARG") ?? "1";
  if (!(Number(ratio) >= 0 && Number(ratio) <= 1)) {
    problems.push("OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1");
  }
  const specific = value("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") !== undefined;
  return {
    sampler: (sampler ?? "parentbased_always_on") as TracingSettings["sampler"],
    ratio: Number(ratio),
    delayMs: number("OTEL_BSP_SCHEDULE_DELAY", 5_000, 3_600_000),
    timeoutMs: number(specific ? "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT" : "OTEL_EXPORTER_OTLP_TIMEOUT", 3_000, 60_000),
    maxQueue: number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, 100_000),
    maxBatch: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 10_000),
  };
}

function canRead(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
