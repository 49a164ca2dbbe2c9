// `tail`: writes the events of a tenant as newline-delimited JSON, from a cursor on.
import { once } from "node:events";
import { openHints } from "../live/hints/open.ts";
import { tailFeed } from "../services/events/tail.ts";
import { type Invocation, UsageError } from "./command.ts";
import { commandCaller, tenantNamed } from "./command-caller.ts";
import { withDatabase } from "./with-database.ts";

export async function run(invocation: Invocation): Promise<void> {
  const { tenant = "default", from = "", follow } = invocation.options as Record<string, string> & { follow: boolean };
  if (from !== "" && !/^[0-9]{1,19}([.][0-9]{1,19})?$/.test(from)) {
    throw new UsageError("--from: must be the cursor of a line, of a subscription or of a webhook endpoint");
  }
  const { config, logger, signal } = invocation;
  await withDatabase(invocation, "command", async ({ database, listenUrl }) => {
    const caller = commandCaller(await tenantNamed(database, tenant));
    const hints = await openHints(config.hints, listenUrl, logger);
    try {
      const lines = tailFeed(database, hints, caller, { from: from === "" ? undefined : from, follow }, signal);
      for await (const line of lines) {
        if (!process.stdout.write(`${line}\n`)) await once(process.stdout, "drain", { signal });
      }
    } catch (error) {
      // Stopped, or nobody reads any more.
      if (!signal.aborted && (error as { code?: string }).code !== "EPIPE") throw error;
    } finally {
      await hints.close();
    }
  });
}
