// `serve`: the server, until it is told to stop.
import { once } from "node:events";
import type { App, Started } from "../app.ts";
import { type Command, CommandError } from "./command.ts";
import { withDatabase } from "./with-database.ts";

export const serveCommand: Command = {
  name: "serve",
  summary: "start the server",
  async run({ config, logger, signal, print }) {
    await withDatabase({ config, logger }, "server", async ({ database, url, embedded }) => {
      if (signal.aborted) return;
      // The other commands need none of it, and start sooner without.
      const { createApp } = await import("../app.ts");
      const app = await createApp(config, logger, database, url);
      try {
        const { address, announcement } = await start(app);
        await embedded?.announce(address);
        for (const line of announcement) print(line);
        if (!signal.aborted) await once(signal, "abort");
        logger.info("stopping: calls in flight may finish");
      } finally {
        await app.stop();
      }
    });
  },
};

/** What the operating system says of a place where one cannot listen. */
const NO_PLACE: Readonly<Record<string, (place: { address: string; port: string }) => string>> = {
  EADDRINUSE: ({ address, port }) =>
    `port ${port} of ${address} is taken by another program: choose one with PORT, or COLLOQUY_COMPAT`,
  EACCES: ({ port }) => `this account may not listen on port ${port}: choose one above 1023 with PORT`,
  EADDRNOTAVAIL: ({ address }) => `${address} is no address of this machine: choose one with HOST`,
  ENOTFOUND: ({ address }) => `${address} is no known host: choose an address with HOST`,
};

async function start(app: App): Promise<Started> {
  try {
    return await app.start();
  } catch (error) {
    const { code = "", address, hostname, port } = error as NodeJS.ErrnoException & Record<string, unknown>;
    const reason = NO_PLACE[code]?.({ address: String(address ?? hostname), port: String(port) });
    throw reason === undefined ? error : new CommandError(reason);
  }
}
