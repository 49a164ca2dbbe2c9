// The interface of a command, and its input.
import type { ParseArgsOptionsConfig } from "node:util";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import type { StopLimit } from "./run/stop-limit.ts";

/** An option, with its line in `--help`. */
export type CommandOption = ParseArgsOptionsConfig[string] & { readonly help: string };

export interface Invocation {
  readonly config: Config;
  /** Writes to standard error. */
  readonly logger: Logger;
  /** The options that were given, by their long names. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The values for `Command.arguments`. */
  readonly arguments: readonly string[];
  /** Writes one line of the result to standard output. Nothing else is written there. */
  print(line: string): void;
  /** Aborts on the first SIGINT or SIGTERM. A second one ends the process, except during a `pause`. */
  readonly signal: AbortSignal;
  /** Bounds the time from then on. */
  readonly stop: StopLimit;
  /** Waits `ms` milliseconds, or until a further SIGINT or SIGTERM. */
  pause(ms: number): Promise<void>;
  /** Sets what SIGHUP does. It never ends the process. */
  onReload(reload: () => void): void;
}

export interface Command {
  /** One or two words, such as `key create`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Names of the positional arguments, all required. */
  readonly arguments?: readonly string[];
  readonly options?: Readonly<Record<string, CommandOption>>;
  /** Loads its own modules. */
  load(): Promise<LoadedCommand>;
}

/** What the file of a command exports. */
export interface LoadedCommand {
  run(invocation: Invocation): Promise<void>;
}

/** The command failed for a reason that the user can fix: reported without a stack trace. Exit status 1. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** The command line is invalid. Exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
