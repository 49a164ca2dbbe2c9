// `serve`: the server, until it is told to stop.
import { once } from "node:events";
import { createApp } from "../app.ts";
import type { Command } from "./command.ts";
import { withDatabase } from "./with-database.ts";

export const serveCommand: Command = {
  name: "serve",
  summary: "start the server",
  async run({ config, logger, signal, print }) {
    await withDatabase({ config, logger }, "server", async ({ database, url, embedded }) => {
      if (signal.aborted) return;
      const app = await createApp(config, logger, database, url);
      const { address, announcement } = await app.start();
      try {
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
