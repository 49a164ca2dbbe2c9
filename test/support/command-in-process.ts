// Runs a command of the command line in this process, for tests of what it does rather than of its process.
import { CommandError, UsageError } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { loadConfig } from "../../src/config/config.ts";
import { DomainError } from "../../src/domain/errors.ts";
import { silent } from "./postgres.ts";
import type { Environment, Outcome } from "./process.ts";

/** What `main` would do with these words. A stack trace, which no user should see, is thrown instead. */
export async function runInProcess(words: readonly string[], settings: Environment): Promise<Outcome> {
  let stdout = "";
  try {
    const parsed = parseCommandLine(words, COMMANDS);
    if (parsed.kind !== "command") throw new UsageError("help");
    const command = await parsed.command.load();
    await command.run({
      config: loadConfig(settings),
      logger: silent,
      options: parsed.options,
      arguments: parsed.arguments,
      print: (line) => {
        stdout += `${line}\n`;
      },
      signal: new AbortController().signal,
      stop: { waitsFor: () => {}, begin: () => {}, over: new AbortController().signal },
      pause: async () => {},
      onReload: () => {},
    });
    return { status: 0, stdout, stderr: "" };
  } catch (error) {
    if (error instanceof UsageError) return { status: 2, stdout, stderr: error.message };
    if (!(error instanceof CommandError || error instanceof DomainError)) throw error;
    return { status: 1, stdout, stderr: error.message };
  }
}
