// What a command of the command line is, and what it is given.
import type { ParseArgsOptionsConfig } from "node:util";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";

/** An option, with the words that `--help` says of it. */
export type CommandOption = ParseArgsOptionsConfig[string] & { readonly help: string };

export interface Invocation {
  readonly config: Config;
  /** Writes to standard error. */
  readonly logger: Logger;
  /** The options that were given, by their long names. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The values of `Command.arguments`, as many as there are names. */
  readonly arguments: readonly string[];
  /** Writes one line of the command's result to standard output. Nothing else goes there. */
  print(line: string): void;
  /** Aborts on the first SIGINT or SIGTERM. The second one ends the process, but in a `pause`. */
  readonly signal: AbortSignal;
  /** Waits for so many milliseconds, or until a further SIGINT or SIGTERM. */
  pause(ms: number): Promise<void>;
  /** What SIGHUP does, which ends nothing. */
  onReload(reload: () => void): void;
}

export interface Command {
  /** One word or two, such as `key create`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The names of what follows the command, such as `slug`; each must be given. */
  readonly arguments?: readonly string[];
  readonly options?: Readonly<Record<string, CommandOption>>;
  run(invocation: Invocation): Promise<void>;
}

/** The command cannot be done, for a reason that the user can do something about: told without a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** The command line was not understood: exit status 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
