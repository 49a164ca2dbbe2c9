// A command line whose one command never ends, with half a second for a stop: tests of the stop limit run it as a
// process.
import type { Command, Invocation } from "../../../src/cli/command.ts";
import { main } from "../../../src/cli/main.ts";
import { withDatabase } from "../../../src/cli/with-database.ts";

async function run(invocation: Invocation): Promise<void> {
  await withDatabase(invocation, "server", async () => {
    invocation.print("hangs");
    setInterval(() => {}, 60_000);
    await new Promise(() => {});
  });
}

const hang: Command = { name: "hang", summary: "come up, and never end", load: async () => ({ run }) };

process.exitCode = await main(["hang"], process.env, { commands: [hang], stopMs: 500 });
