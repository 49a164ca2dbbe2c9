// Builds the parts of the server and ties them together.
import type { Logger } from "pino";
import type { Config } from "./config.ts";
import type { Database } from "./store/database.ts";

export interface App {
  /** Listens. */
  start(): Promise<Started>;
  /** Finishes what is in flight, then closes every socket. The database stays open: whoever opened it closes it. */
  stop(): Promise<void>;
}

export interface Started {
  /** Where the server can be reached, such as `http://127.0.0.1:8080`. */
  readonly address: string;
  /** What to tell whoever started it, line by line. */
  readonly announcement: readonly string[];
}

export function createApp(config: Config, _logger: Logger, database: Database): App {
  const address = `http://${config.host}:${config.port}`;
  return {
    async start() {
      await database.ping();
      return { address, announcement: [`Colloquy is ready at ${address}.`] };
    },
    async stop() {},
  };
}
