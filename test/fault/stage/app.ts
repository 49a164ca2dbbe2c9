// The whole server in this process, on a database that others made: for faults that need no process of their own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { createApp } from "../../../src/app/app.ts";
import { bootstrap } from "../../../src/app/first-run.ts";
import { loadConfig } from "../../../src/config/config.ts";
import type { Database } from "../../../src/store/database.ts";
import { type DatabaseOptions, openDatabase } from "../../../src/store/open-database.ts";
import { silent } from "../../support/postgres/postgres.ts";
import { STREAM_LANE, UNARY_LANE } from "../../support/servers/echo-server.ts";

export interface OwnApp extends AsyncDisposable {
  readonly url: string;
  readonly database: Database;
}

export interface OwnAppOptions {
  /** Of the database; migrated. */
  readonly url: string;
  readonly database?: Omit<DatabaseOptions, "url">;
  readonly environment?: Readonly<Record<string, string>>;
  readonly logger?: Logger;
}

export async function startOwnApp(options: OwnAppOptions): Promise<OwnApp> {
  const { url, environment = {}, logger = silent } = options;
  const dataDir = await mkdtemp(join(tmpdir(), "colloquy-app-"));
  const base = {
    PORT: "0",
    COLLOQUY_DATA_DIR: dataDir,
    COLLOQUY_COMPAT: "",
    COLLOQUY_RATE_LIMITS: "off",
    COLLOQUY_UNARY: UNARY_LANE ? "on" : "off",
    COLLOQUY_STREAMS: STREAM_LANE ? "on" : "off",
  };
  const database = await openDatabase({ ...options.database, url });
  // This process also does what its callers do, so how busy it is says nothing of the server.
  const loop = { read: () => ({ elapsedMs: 0, ownDelayMs: 0, lostMs: 0 }), stop: () => {} };
  const app = await createApp(loadConfig({ ...base, ...environment }), logger, database, url, { loop });
  const { url: address } = await app.start(() => bootstrap(database));
  return {
    url: address,
    database,
    async [Symbol.asyncDispose]() {
      await app.stop();
      await database.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
