// Runs one command: reads the settings, sets up the log and signals, maps errors to exit statuses.
import cluster from "node:cluster";
import { relative, resolve } from "node:path";
import { destination, type Logger } from "pino";
import { CLOSE_MS, DRAIN_MS, WORKER_CLOSE_MS } from "../../app/stop-times.ts";
import { type Config, loadConfig } from "../../config/config.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { SettingError } from "../../domain/settings/setting-error.ts";
import { createLogger } from "../../telemetry/log.ts";
import { createLogBuffer } from "../../telemetry/log-buffer.ts";
import type { Command, Invocation } from "../command.ts";
import type { ParsedCommand } from "../parse.ts";
import { DONE } from "./exit-status.ts";
import { failureOf } from "./failure.ts";
import { createStopLimit, type StopLimit } from "./stop-limit.ts";
import { listenForStop } from "./stop-signals.ts";

/** @param stopMs how long a stop may take, in milliseconds; by default, the sum of what its parts may take */
export async function runCommand(
  { command, options, arguments: words }: ParsedCommand,
  environment: NodeJS.ProcessEnv,
  stopMs?: number,
): Promise<number> {
  let stop: StopLimit | undefined;
  try {
    const config = loadConfig(environment);
    const logger = openLog(config);
    const limit = createStopLimit({ limitMs: stopMs ?? stopTime(config), logger, exit: process.exit });
    stop = limit;
    const invocation = {
      config,
      logger,
      stop: limit,
      options,
      arguments: words,
      print: (line: string) => process.stdout.write(`${line}\n`),
      ...listenForStop(() => limit.begin()),
    };
    await runWith(invocation, command);
    return DONE;
  } catch (error) {
    return report(error);
  } finally {
    stop?.waitsFor("what the command has left open");
    // An open channel to the primary would keep the worker running.
    cluster.worker?.disconnect();
  }
}

/** Runs a command. Where a setting is at fault for its failure, the error is one that names it. */
export async function runWith(invocation: Invocation, command: Command): Promise<void> {
  const { config } = invocation;
  const { run } = await command.load();
  await run(invocation).catch((error: unknown) => {
    throw unusableDataDir(config, error) ?? unusableDatabase(config, error) ?? error;
  });
}

/** Prints the settings in force. */
export async function printSettings(environment: NodeJS.ProcessEnv): Promise<number> {
  const { settingsInForce } = await import("../../config/print.ts");
  try {
    process.stdout.write(`${JSON.stringify(settingsInForce(environment), null, 2)}\n`);
    return DONE;
  } catch (error) {
    return report(error);
  }
}

/** The primary tells workers when the drain delay is over. */
function stopTime({ drainDelayMs }: Config): number {
  return cluster.isWorker ? DRAIN_MS + WORKER_CLOSE_MS : drainDelayMs + DRAIN_MS + CLOSE_MS;
}

/** A write for each line would take a sixth of a busy server's processor time. */
const LOG_BUFFER_BYTES = 8 * 1024;
/** Several workers write to one pipe, where writes of up to 4 KiB are atomic (POSIX, `PIPE_BUF`). */
const WORKER_LOG_BUFFER_BYTES = 2 * 1024;
/** How much of its log a killed server may lose, in milliseconds. */
const LOG_FLUSH_MS = 100;

function openLog({ logLevel }: Config): Logger {
  const bytes = cluster.isWorker ? WORKER_LOG_BUFFER_BYTES : LOG_BUFFER_BYTES;
  const stderr = destination({ dest: 2, sync: true });
  const buffer = createLogBuffer(stderr, { bytes, forMs: LOG_FLUSH_MS });
  process.on("exit", () => {
    buffer.flushSync();
    // The rest, if the pipe was full.
    stderr.flushSync();
  });
  return createLogger({ level: logLevel, destination: buffer });
}

/** A clear error for any system error in the data directory. */
function unusableDataDir({ dataDir }: Config, error: unknown): SettingError | undefined {
  const { syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall === undefined || path === undefined || relative(resolve(dataDir), resolve(path)).startsWith("..")) return;
  const rule = "must be a directory that this user can write to, with free space";
  return new SettingError(`COLLOQUY_DATA_DIR: ${dataDir} ${rule}`, { cause: error });
}

function unusableDatabase({ databaseUrl }: Config, error: unknown): SettingError | undefined {
  if (databaseUrl === undefined || !(error instanceof DomainError)) return;
  if (error.reason !== ErrorReason.DATABASE_UNAVAILABLE) return;
  return new SettingError(`DATABASE_URL: ${error.message}`, { cause: error.cause });
}

function report(error: unknown): number {
  const { status, text } = failureOf(error);
  process.stderr.write(text);
  return status;
}
