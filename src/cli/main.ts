// Runs one command: reads the settings, sets up the log and signals, maps errors to exit statuses.
import cluster from "node:cluster";
import { relative, resolve } from "node:path";
import { destination, type Logger } from "pino";
import { CLOSE_MS, DRAIN_MS, WORKER_CLOSE_MS } from "../app/stop-times.ts";
import { type Config, ConfigError, loadConfig } from "../config/config.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { SettingError } from "../domain/settings/setting-error.ts";
import { createLogger } from "../telemetry/log.ts";
import { createLogBuffer } from "../telemetry/log-buffer.ts";
import { agentSetCommand } from "./agent-set.ts";
import { backupCommand, restoreCommand } from "./backup.ts";
import { type Command, CommandError, UsageError } from "./command.ts";
import { doctorCommand } from "./doctor/doctor.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { keyCreateCommand } from "./key-create.ts";
import { memberSetCommand } from "./member-set.ts";
import { migrateCommand } from "./migrate.ts";
import { parseCommandLine } from "./parse.ts";
import { serveCommand } from "./serve.ts";
import { createStopLimit, type StopLimit } from "./stop-limit.ts";
import { listenForStop } from "./stop-signals.ts";
import { tailCommand } from "./tail.ts";
import { tenantCreateCommand } from "./tenant-create.ts";
import { tokenCommand } from "./token.ts";

/** All commands; the first is the default. */
const COMMANDS: readonly Command[] = [
  serveCommand,
  migrateCommand,
  tokenCommand,
  keyCreateCommand,
  memberSetCommand,
  tenantCreateCommand,
  agentSetCommand,
  importCommand,
  exportCommand,
  tailCommand,
  backupCommand,
  restoreCommand,
  doctorCommand,
];

const FAILED = 1;
const MISUSED = 2;

export interface MainOptions {
  /** Default: all commands. */
  readonly commands?: readonly Command[];
  /** How long a stop may take, in milliseconds. Default: the sum of what its parts may take. */
  readonly stopMs?: number;
}

/** Returns the exit status: 0 done, 1 failed, 2 invalid command line or settings. */
export async function main(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  { commands = COMMANDS, stopMs }: MainOptions = {},
): Promise<number> {
  let stop: StopLimit | undefined;
  try {
    const parsed = parseCommandLine(words, commands);
    if (parsed.kind === "help") {
      process.stdout.write(`${parsed.text}\n`);
      return 0;
    }
    if (parsed.kind === "settings") {
      const { settingsInForce } = await import("../config/print.ts");
      process.stdout.write(`${JSON.stringify(settingsInForce(environment), null, 2)}\n`);
      return 0;
    }
    const config = loadConfig(environment);
    const logger = openLog(config);
    const limit = createStopLimit({ limitMs: stopMs ?? stopTime(config), logger, exit: process.exit });
    stop = limit;
    const invocation = {
      config,
      logger,
      stop: limit,
      options: parsed.options,
      arguments: parsed.arguments,
      print: (line: string) => process.stdout.write(`${line}\n`),
      ...listenForStop(() => limit.begin()),
    };
    await parsed.command.run(invocation).catch((error: unknown) => {
      throw unusableDataDir(config, error) ?? unusableDatabase(config, error) ?? error;
    });
    return 0;
  } catch (error) {
    return report(error);
  } finally {
    stop?.waitsFor("what the command has left open");
    // An open channel to the primary would keep the worker running.
    cluster.worker?.disconnect();
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
  if (error instanceof ConfigError) {
    process.stderr.write(`colloquy: invalid settings\n${error.problems.map((line) => `  ${line}\n`).join("")}`);
    return MISUSED;
  }
  if (error instanceof UsageError) {
    process.stderr.write(`colloquy: ${error.message}\n`);
    return MISUSED;
  }
  const expected = error instanceof CommandError || error instanceof DomainError || error instanceof SettingError;
  process.stderr.write(
    `colloquy: ${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  if (expected && error.cause instanceof Error) process.stderr.write(`  ${error.cause.message}\n`);
  return FAILED;
}
