// The command line: prints a help text, or runs a command. What it takes to run one is loaded only then.
import { type Command, UsageError } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { type Parsed, parseCommandLine } from "./parse.ts";
import { DONE, MISUSED } from "./run/exit-status.ts";

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
  let parsed: Parsed;
  try {
    parsed = parseCommandLine(words, commands);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`colloquy: ${error.message}\n`);
    return MISUSED;
  }
  if (parsed.kind === "help") {
    process.stdout.write(`${parsed.text}\n`);
    return DONE;
  }
  const { printSettings, runCommand } = await import("./run/run-command.ts");
  return parsed.kind === "settings" ? printSettings(environment) : await runCommand(parsed, environment, stopMs);
}
