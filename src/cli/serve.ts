// `serve`: runs the server until SIGINT or SIGTERM. With several workers, each of them runs this command again.
import cluster from "node:cluster";
import { once } from "node:events";
import type { App, Surroundings } from "../app/app.ts";
import { ConfigError, loadConfig } from "../config/config.ts";
import { SettingError } from "../domain/settings/setting-error.ts";
import type { Listening } from "../server/listening.ts";
import { releaseHeapWhenIdle } from "../server/release-heap.ts";
import { CommandError, type Invocation } from "./command.ts";
import { type OpenedDatabase, withDatabase } from "./with-database.ts";

const LEAVING = "draining: not ready, but still serving until load balancers notice";
const STOPPING = "stopping: running calls may finish";

export async function run(invocation: Invocation): Promise<void> {
  const leads = !cluster.isWorker && invocation.config.workers > 1;
  const serve = async (opened: OpenedDatabase) => {
    if (invocation.signal.aborted) return;
    if (cluster.isWorker) await serveAsWorker(invocation, opened);
    else if (leads) await leadWorkers(invocation, opened);
    else await serveAlone(invocation, opened);
  };
  await withDatabase(invocation, "server", serve, { replicas: !leads });
}

async function serveAlone(invocation: Invocation, opened: OpenedDatabase): Promise<void> {
  await using app = await build(invocation, opened);
  let firstKey: string | undefined;
  const listening = await start(app, async ({ url }) => {
    firstKey = await prepare(opened, url);
  });
  invocation.onReload(() => reload(app, invocation));
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
  primary.onReload(() => reload(app, invocation));
  primary.leaving.addEventListener("abort", () => app.leave());
  await aborted(AbortSignal.any([invocation.signal, primary.stopped]));
  invocation.stop.begin();
}

/** Reads the settings again. Invalid ones leave those in force. */
function reload(app: App, { logger }: Invocation): void {
  const read = async () => app.reload(loadConfig(process.env));
  read().then(
    () => logger.info("the issuers and limits were reloaded"),
    (error: unknown) => {
      if (!(error instanceof ConfigError || error instanceof SettingError)) throw error;
      logger.error({ problem: error.message }, "the settings were not reloaded");
    },
  );
}

/** Minimum pool of a worker without COLLOQUY_POOL_SIZE: the total stays near that of a single server. */
const MIN_POOL = 5;

async function leadWorkers(invocation: Invocation, opened: OpenedDatabase): Promise<void> {
  const { createFleet, WorkerFailed } = await import("./cluster/primary.ts");
  const { config, logger, signal } = invocation;
  const { defaultPoolSize } = await import("../store/open-database.ts");
  const { poolSize = Math.max(MIN_POOL, Math.ceil(defaultPoolSize() / config.workers)) } = config;
  const fleet = createFleet({
    count: config.workers,
    // For a worker, the primary's embedded database is an external one.
    // A file with the URL, as the primary was given it, would be a second value.
    environment: { DATABASE_URL: opened.url, DATABASE_URL_FILE: "", COLLOQUY_POOL_SIZE: String(poolSize) },
    logger,
  });
  let cut = 0;
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
    invocation.stop.waitsFor("the workers");
    cut = await fleet.stop();
  }
  if (cut > 0) throw new CommandError(`${cut} of ${config.workers} workers did not stop in time, and were cut off`);
}

async function build(
  { config, logger, stop }: Invocation,
  { database, listenUrl }: OpenedDatabase,
  surroundings: Surroundings = {},
): Promise<App> {
  // Imported only here: the other commands start faster without it.
  const { createApp } = await import("../app/app.ts");
  return await createApp(config, logger, database, listenUrl, { waitsFor: stop.waitsFor, ...surroundings });
}

/** Runs once the server listens, so that a server that cannot listen does not use up the first key. */
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

/** Waits until load balancers have noticed, or for a further signal. */
async function leaveTime({ config, logger, pause }: Invocation): Promise<void> {
  if (config.drainDelayMs === 0) return;
  logger.info({ delayMs: config.drainDelayMs }, LEAVING);
  await pause(config.drainDelayMs);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, "abort");
}

/** Errors of the operating system for an address. */
const LISTEN_ERRORS: Readonly<Record<string, (place: { address: string; port: string }) => string>> = {
  EADDRINUSE: ({ address, port }) =>
    `port ${port} of ${address} is used by another program: set another one with PORT, or COLLOQUY_COMPAT for a dialect`,
  EACCES: ({ port }) => `this user may not listen on port ${port}: set PORT to one above 1023`,
  EADDRNOTAVAIL: ({ address }) => `${address} is not an address of this machine: set HOST`,
  ENOTFOUND: ({ address }) => `${address} is not a known host: set HOST to an address`,
};

async function start(app: App, settle: (listening: Listening) => Promise<unknown>): Promise<Listening> {
  try {
    const listening = await app.start(settle);
    releaseHeapWhenIdle();
    return listening;
  } catch (error) {
    const { code = "", address, hostname, port } = error as NodeJS.ErrnoException & Record<string, unknown>;
    const reason = LISTEN_ERRORS[code]?.({ address: String(address ?? hostname), port: String(port) });
    throw reason === undefined ? error : new CommandError(reason);
  }
}
