// Runs a command of the command line in this process, for tests of what it does rather than of its process.
import { UsageError } from "../../src/cli/command.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { failureOf } from "../../src/cli/run/failure.ts";
import { loadConfig } from "../../src/config/config.ts";
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
    const { status, text } = failureOf(error);
    if (/\n {4}at /.test(text)) throw error;
    return { status, stdout, stderr: text };
  }
}
