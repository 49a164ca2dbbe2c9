// Opens the database that the settings name, external or embedded, for as long as some work takes.
// What that takes is loaded only then: a command that is misused says so at once.
import type { Database } from "../store/database.ts";
import type { Embedded, EmbeddedOptions } from "../store/embedded/embedded.ts";
import { CommandError, type Invocation } from "./command.ts";

export interface OpenedDatabase {
  readonly database: Database;
  /** Where it is. Holds a password: not for logs. */
  readonly url: string;
  /** Undefined when the database is an external one. */
  readonly embedded: Embedded | undefined;
}

/**
 * The embedded database is migrated here, since nobody else can. An external one may serve several servers of
 * different releases, so its owner says when: a server refuses to start while migrations are pending.
 */
export async function withDatabase<T>(
  { config, logger }: Pick<Invocation, "config" | "logger">,
  role: NonNullable<EmbeddedOptions["role"]>,
  work: (opened: OpenedDatabase) => Promise<T>,
  { mayBePending = false } = {},
): Promise<T> {
  const embedded = config.databaseUrl === undefined ? await start(config.dataDir, logger, role) : undefined;
  try {
    const { openDatabase } = await import("../store/database.ts");
    const { migrate } = await import("../store/migrate.ts");
    const url = embedded?.url ?? config.databaseUrl ?? "";
    const database = await openDatabase({
      url,
      searchPath: config.databaseSchema,
      ...(config.poolSize !== undefined && { poolSize: config.poolSize }),
      onConnectionLost: (message) => logger.debug(message),
    });
    try {
      if (embedded !== undefined) await migrate(database);
      else if (!mayBePending) await refusePending(database);
      return await work({ database, url, embedded });
    } finally {
      await database.close();
    }
  } finally {
    await embedded?.stop();
  }
}

async function start(
  dataDir: string,
  logger: Invocation["logger"],
  role: NonNullable<EmbeddedOptions["role"]>,
): Promise<Embedded> {
  const { AlreadyRunning, startEmbedded } = await import("../store/embedded/embedded.ts");
  try {
    return await startEmbedded({ dataDir, logger, role });
  } catch (error) {
    if (!(error instanceof AlreadyRunning)) throw error;
    throw new CommandError(`${error.server} already runs on the data directory ${dataDir}: stop it first, or use it`);
  }
}

async function refusePending(database: Database): Promise<void> {
  const { pendingMigrations } = await import("../store/migrate.ts");
  const pending = await pendingMigrations(database);
  if (pending.length === 0) return;
  throw new CommandError(
    `the database lacks the migrations ${pending.join(", ")}: apply them with \`npm run colloquy -- migrate\``,
  );
}
