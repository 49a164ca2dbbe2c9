// Runs a command of the command line in this process, for tests of what it does rather than of its process, which takes
// most of a second of a processor to start.
import { UsageError } from "../../../src/cli/command.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { parseCommandLine } from "../../../src/cli/parse.ts";
import { failureOf } from "../../../src/cli/run/failure.ts";
import { runWith } from "../../../src/cli/run/run-command.ts";
import { loadConfig } from "../../../src/config/config.ts";
import { silent } from "../postgres/postgres.ts";
import type { Environment, Outcome } from "./process.ts";

/**
 * What a process with these words and settings would write and how it would end, without its log. A stack trace, which
 * no user should see, is thrown instead. `signal` stops it.
 */
export async function runInProcess(
  words: readonly string[],
  settings: Environment = {},
  { signal = new AbortController().signal, onPrint = (_line: string) => {} } = {},
): Promise<Outcome> {
  let stdout = "";
  try {
    const parsed = parseCommandLine(words, COMMANDS);
    if (parsed.kind !== "command") throw new UsageError("help");
    const invocation = {
      config: loadConfig(settings),
      logger: silent,
      options: parsed.options,
      arguments: parsed.arguments,
      print: (line: string) => {
        stdout += `${line}\n`;
        onPrint(line);
      },
      signal,
      stop: { waitsFor: () => {}, begin: () => {}, over: new AbortController().signal },
      pause: async () => {},
      onReload: () => {},
    };
    await runWith(invocation, parsed.command);
    return { status: 0, stdout, stderr: "" };
  } catch (error) {
    const { status, text } = failureOf(error);
    if (/\n {4}at /.test(text)) throw error;
    return { status, stdout, stderr: text };
  }
}
