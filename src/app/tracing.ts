// Opens tracing if the settings ask for it.
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { packageVersion } from "../config/version.ts";
import type { OpenTracing } from "../telemetry/tracing/tracing.ts";
import { warnSparingly } from "../telemetry/warn-rarely.ts";

/** Undefined: calls are not traced, and nothing of OpenTelemetry is loaded. */
export async function openTracing({ tracing }: Config, log: Logger): Promise<OpenTracing | undefined> {
  if (tracing === undefined) return undefined;
  const { createTracing } = await import("../telemetry/tracing/tracing.ts");
  const onFailure = warnSparingly(log, "traces could not be exported");
  return createTracing({ ...tracing, version: packageVersion(), onFailure });
}
