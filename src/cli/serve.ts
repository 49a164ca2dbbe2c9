// `serve`: the server, until it is told to stop. With several workers, each of them runs this command again.
import cluster from "node:cluster";
import { once } from "node:events";
import type { App, Surroundings } from "../app/app.ts";
import type { Listening } from "../server/listening.ts";
import { trimWhenQuiet } from "../server/release-heap.ts";
import { type Command, CommandError, type Invocation } from "./command.ts";
import { type OpenedDatabase, withDatabase } from "./with-database.ts";

const LEAVING = "not ready any more: calls go on until load balancers have noticed";
const STOPPING = "stopping: calls in flight may finish";

export const serveCommand: Command = {
  name: "serve",
  summary: "start the server",
  async run(invocation) {
    await withDatabase(invocation, "server", async (opened) => {
      if (invocation.signal.aborted) return;
      if (cluster.isWorker) await serveAsWorker(invocation, opened);
      else if (invocation.config.workers > 1) await leadWorkers(invocation, opened);
      else await serveAlone(invocation, opened);
    });
  },
};

async function serveAlone(invocation: Invocation, opened: OpenedDatabase): Promise<void> {
  await using app = await build(invocation, opened);
  let firstKey: string | undefined;
  const listening = await start(app, async ({ url }) => {
    firstKey = await prepare(opened, url);
  });
  invocation.onReload(() => app.reload());
  await announce(invocation, opened, listening, firstKey);
  await aborted(invocation.signal);
  app.leave();
  await leaveTime(invocation);
  invocation.logger.info(STOPPING);
}

async function serveAsWorker(invocation: Invocation, opened: OpenedDatabase): Promise<void> {
  const { connectToPrimary } = await import("./cluster/worker.ts");
  const primary = connectToPrimary();
  await using app = await build(invocation, opened, { gather: primary.gather });
  await start(app, primary.listening);
  primary.ready();
  primary.onReload(() => app.reload());
  primary.leaving.addEventListener("abort", () => app.leave());
  await aborted(AbortSignal.any([invocation.signal, primary.stopped]));
}

/** Connections of a worker at least, unless told: together they have hardly more than one server would. */
const LEAST_POOL = 5;

async function leadWorkers(invocation: Invocation, opened: OpenedDatabase): Promise<void> {
  const { createFleet, WorkerFailed } = await import("./cluster/primary.ts");
  const { config, logger, signal } = invocation;
  const { defaultPoolSize } = await import("../store/database.ts");
  const { poolSize = Math.max(LEAST_POOL, Math.ceil(defaultPoolSize() / config.workers)) } = config;
  const fleet = createFleet({
    count: config.workers,
    // What is embedded here is for them a database like any other.
    environment: { DATABASE_URL: opened.url, COLLOQUY_POOL_SIZE: String(poolSize) },
    logger,
  });
  try {
    const listening = await fleet.start();
    const firstKey = await prepare(opened, listening.url);
    await fleet.release();
    invocation.onReload(() => fleet.reload());
    await announce(invocation, opened, listening, firstKey);
    await aborted(signal);
    fleet.leave();
    await leaveTime(invocation);
    logger.info(STOPPING);
  } catch (error) {
    if (error instanceof WorkerFailed) throw new CommandError(error.message);
    throw error;
  } finally {
    await fleet.stop();
  }
}

async function build(
  { config, logger }: Invocation,
  { database, url }: OpenedDatabase,
  surroundings: Surroundings = {},
): Promise<App> {
  // The other commands need none of it, and start sooner without.
  const { createApp } = await import("../app/app.ts");
  return await createApp(config, logger, database, url, surroundings);
}

/** What is left to do once the server listens: a key that is shown once must not be made by one that cannot. */
async function prepare({ database, embedded }: OpenedDatabase, url: string): Promise<string | undefined> {
  const { bootstrap } = await import("../app/first-run.ts");
  const firstKey = await bootstrap(database);
  await embedded?.announce(url);
  return firstKey;
}

async function announce(
  { config, print }: Invocation,
  { database }: OpenedDatabase,
  { url, notices }: Listening,
  firstKey: string | undefined,
): Promise<void> {
  const { keepFirstKey, linesFor, missingTenant } = await import("../app/banner.ts");
  const { createTenantStore } = await import("../store/directory/access.ts");
  const missing = await missingTenant(config, createTenantStore(database));
  const kept = firstKey !== undefined && config.profile === "production" && !process.stdout.isTTY;
  const lines = linesFor(url, config, kept ? undefined : firstKey);
  if (kept) lines.push(await keepFirstKey(config, firstKey));
  for (const line of [...lines, ...notices, ...missing]) print(line);
}

/** Load balancers notice that it is not ready; a further signal asks not to wait for them. */
async function leaveTime({ config, logger, pause }: Invocation): Promise<void> {
  if (config.drainDelayMs === 0) return;
  logger.info({ delayMs: config.drainDelayMs }, LEAVING);
  await pause(config.drainDelayMs);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

/** What the operating system says of a place where one cannot listen. */
const NO_PLACE: Readonly<Record<string, (place: { address: string; port: string }) => string>> = {
  EADDRINUSE: ({ address, port }) =>
    `port ${port} of ${address} is taken by another program: choose one with PORT, or COLLOQUY_COMPAT`,
  EACCES: ({ port }) => `this account may not listen on port ${port}: choose one above 1023 with PORT`,
  EADDRNOTAVAIL: ({ address }) => `${address} is no address of this machine: choose one with HOST`,
  ENOTFOUND: ({ address }) => `${address} is no known host: choose an address with HOST`,
};

async function start(app: App, settle: (listening: Listening) => Promise<unknown>): Promise<Listening> {
  try {
    const listening = await app.start(settle);
    trimWhenQuiet();
    return listening;
  } catch (error) {
    const { code = "", address, hostname, port } = error as NodeJS.ErrnoException & Record<string, unknown>;
    const reason = NO_PLACE[code]?.({ address: String(address ?? hostname), port: String(port) });
    throw reason === undefined ? error : new CommandError(reason);
  }
}
