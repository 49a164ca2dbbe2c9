// Runs one command: reads the settings, sets up log and signals, turns errors into exit statuses.
import cluster from "node:cluster";
import { relative, resolve } from "node:path";
import { destination, type Logger } from "pino";
import { type Config, ConfigError, loadConfig } from "../config/config.ts";
import { DomainError, ErrorReason } from "../domain/errors.ts";
import { SettingError } from "../domain/setting-error.ts";
import { createLogger } from "../telemetry/log.ts";
import { createLogBuffer } from "../telemetry/log-buffer.ts";
import { agentSetCommand } from "./agent-set.ts";
import { type Command, CommandError, UsageError } from "./command.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { keyCreateCommand } from "./key-create.ts";
import { memberSetCommand } from "./member-set.ts";
import { migrateCommand } from "./migrate.ts";
import { parseCommandLine } from "./parse.ts";
import { serveCommand } from "./serve.ts";
import { listenForStop } from "./stop-signals.ts";
import { tenantCreateCommand } from "./tenant-create.ts";
import { tokenCommand } from "./token.ts";

/** Every command; the first is what runs when none is named. */
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
];

const FAILED = 1;
const MISUSED = 2;

/** Gives the exit status: 0 done, 1 failed, 2 the command line or the settings are wrong. */
export async function main(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  try {
    const parsed = parseCommandLine(words, COMMANDS);
    if (parsed.kind === "help") {
      process.stdout.write(`${parsed.text}\n`);
      return 0;
    }
    const config = loadConfig(environment);
    const invocation = {
      config,
      logger: openLog(config),
      options: parsed.options,
      arguments: parsed.arguments,
      print: (line: string) => process.stdout.write(`${line}\n`),
      ...listenForStop(),
    };
    await parsed.command.run(invocation).catch((error: unknown) => {
      throw unusableDataDir(config, error) ?? unusableDatabase(config, error) ?? error;
    });
    return 0;
  } catch (error) {
    return tell(error);
  } finally {
    // A worker would wait for its primary's word for ever.
    cluster.worker?.disconnect();
  }
}

/** A write for each line would take a sixth of a busy server's time. */
const LOG_BUFFER_BYTES = 8 * 1024;
/** Several workers write to one pipe, where writes of up to 4 KiB stay whole (POSIX, `PIPE_BUF`). */
const WORKER_LOG_BUFFER_BYTES = 2 * 1024;
/** What a server that is killed may lose of its log, in milliseconds. */
const LOG_FLUSH_MS = 100;

function openLog({ logLevel }: Config): Logger {
  const bytes = cluster.isWorker ? WORKER_LOG_BUFFER_BYTES : LOG_BUFFER_BYTES;
  const stderr = destination({ dest: 2, sync: true });
  const buffer = createLogBuffer(stderr, { bytes, forMs: LOG_FLUSH_MS });
  process.on("exit", () => {
    buffer.flushSync();
    // A pipe that was full may have left some there.
    stderr.flushSync();
  });
  return createLogger({ level: logLevel, destination: buffer });
}

/** For what the operating system refuses in the data directory, wherever that shows. */
function unusableDataDir({ dataDir }: Config, error: unknown): SettingError | undefined {
  const { syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall === undefined || path === undefined || relative(resolve(dataDir), resolve(path)).startsWith("..")) return;
  const rule = "must be a directory that this account can write to, with room left";
  return new SettingError(`COLLOQUY_DATA_DIR: ${dataDir} cannot be used: it ${rule}`, { cause: error });
}

function unusableDatabase({ databaseUrl }: Config, error: unknown): SettingError | undefined {
  if (databaseUrl === undefined || !(error instanceof DomainError)) return;
  if (error.reason !== ErrorReason.DATABASE_UNAVAILABLE) return;
  return new SettingError(`DATABASE_URL: ${error.message}`, { cause: error.cause });
}

function tell(error: unknown): number {
  if (error instanceof ConfigError) {
    process.stderr.write(`colloquy: the settings are wrong\n${error.problems.map((line) => `  ${line}\n`).join("")}`);
    return MISUSED;
  }
  if (error instanceof UsageError) {
    process.stderr.write(`colloquy: ${error.message}\n`);
    return MISUSED;
  }
  const foreseen = error instanceof CommandError || error instanceof DomainError || error instanceof SettingError;
  process.stderr.write(
    `colloquy: ${foreseen ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  );
  if (foreseen && error.cause instanceof Error) process.stderr.write(`  ${error.cause.message}\n`);
  return FAILED;
}
