// Checks of what the server needs from elsewhere: the database, and the issuers of tokens.
import { join } from "node:path";
import type { IssuerSettings } from "../../access/tokens/issuers.ts";
import { fetchKeys, readKeyFile } from "../../access/tokens/key-files.ts";
import type { Config } from "../../config/config.ts";
import { type Finding, fail, ok, reasonOf, warn } from "./finding.ts";
import { checkKey } from "./keys.ts";

/** Tokens are checked by this machine's clock, entries are dated by the database's. */
const CLOCK_MS = 2_000;
/** A send is one round trip. */
const FAR_MS = 20;

export async function checkDatabase(config: Config): Promise<Finding[]> {
  const { databaseUrl, databaseSchema, pooling, dataDir } = config;
  const subject = "database";
  if (databaseUrl === undefined) return [await checkEmbedded(join(dataDir, "postgres"))];
  try {
    const { describeDatabase, inspectDatabase } = await import("../../store/inspect/inspect.ts");
    const problem = await inspectDatabase({ url: databaseUrl, schema: databaseSchema, migrating: false, pooling });
    if (problem !== undefined) return [fail(subject, `DATABASE_URL: ${problem}`)];
    const { version, clockAheadMs, roundTripMs } = await describeDatabase(databaseUrl);
    const away = `a round trip of ${roundTripMs} ms`;
    const findings = [
      roundTripMs > FAR_MS
        ? warn(subject, `PostgreSQL ${version}, ${away}: each call takes at least one, so run the server nearer to it`)
        : ok(subject, `PostgreSQL ${version}, ${away}`),
      ...(await checkTables(config, databaseUrl)),
      ...(await checkPooler(config, databaseUrl)),
    ];
    const apart = `${(Math.abs(clockAheadMs) / 1_000).toFixed(1)} s ${clockAheadMs > 0 ? "ahead of" : "behind"}`;
    findings.push(
      Math.abs(clockAheadMs) > CLOCK_MS
        ? warn("clock", `the database's clock is ${apart} this machine's: synchronise both (NTP)`)
        : ok("clock", "that of the database agrees with this machine's"),
    );
    return findings;
  } catch (error) {
    return [fail(subject, `${reasonOf(error)}: check DATABASE_URL and that PostgreSQL runs`)];
  }
}

async function checkTables(config: Config, url: string): Promise<Finding[]> {
  const { openDatabase } = await import("../../store/open-database.ts");
  const { migrationState } = await import("../../store/migrate.ts");
  const pooled = config.pooling === "transaction" ? { prepares: false } : undefined;
  const database = await openDatabase({ url, searchPath: config.databaseSchema, poolSize: 1, pooled });
  try {
    const { pending, unknown, undistributed } = await migrationState(database);
    if (unknown.length > 0) {
      return [fail("migrations", `a newer release applied ${unknown.join(", ")}: run that release or a later one`)];
    }
    if (pending.length > 0) {
      return [fail("migrations", `${pending.join(", ")} are not applied: run colloquy migrate`)];
    }
    if (undistributed.length > 0) {
      return [fail("migrations", `${undistributed.join(", ")} is not done: run colloquy migrate`)];
    }
    return [ok("migrations", "all applied"), ...(await checkKey(config, database))];
  } finally {
    await database.close();
  }
}

/** What a pooler in transaction mode takes away. */
async function checkPooler(
  { databaseDirectUrl: direct, databaseSchema: schema, hints, pooling }: Config,
  url: string,
): Promise<Finding[]> {
  const subject = "pooler";
  const { mayPrepare } = await import("../../store/inspect/inspect.ts");
  const { inspectDirect } = await import("../../store/inspect/inspect-direct.ts");
  const { UNPREPARED } = await import("../../store/inspect/pooling.ts");
  if (direct !== undefined) {
    const problem = await inspectDirect(url, { url: direct, schema, migrating: false }).catch(reasonOf);
    if (problem !== undefined) return [fail(subject, `COLLOQUY_DATABASE_DIRECT_URL: ${problem}`)];
  }
  if (pooling === "session") return [];
  const findings = [
    (await mayPrepare(url)) ? ok(subject, "in transaction mode, with prepared statements") : warn(subject, UNPREPARED),
  ];
  if (direct === undefined && hints === "postgres") {
    findings.push(
      warn(subject, "LISTEN does not pass it: set COLLOQUY_DATABASE_DIRECT_URL, or COLLOQUY_HINTS to a NATS server"),
    );
  }
  return findings;
}

/** Looks only: to start it would migrate it. */
async function checkEmbedded(directory: string): Promise<Finding> {
  const subject = "database";
  const { findPostmaster } = await import("../../embedded-postgres/postmaster.ts");
  const { packagedBinaries } = await import("../../embedded-postgres/binaries.ts");
  try {
    const { major } = await packagedBinaries(undefined);
    const { readFile } = await import("node:fs/promises");
    const found = await readFile(join(directory, "PG_VERSION"), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    if (found === undefined) return ok(subject, `embedded PostgreSQL ${major}, created at the first start`);
    if (Number(found) !== major) {
      return fail(subject, `${directory} was made by PostgreSQL ${found.trim()}, and this release has ${major}`);
    }
    const pid = findPostmaster(directory)?.pid;
    return ok(subject, `embedded PostgreSQL ${major}, ${pid === undefined ? "not running" : `running as pid ${pid}`}`);
  } catch (error) {
    return fail(subject, `the embedded PostgreSQL cannot be used: ${reasonOf(error)}`);
  }
}

export function checkIssuers({ issuers }: Config): Promise<Finding[]> {
  return Promise.all(issuers.map(checkIssuer));
}

async function checkIssuer({ issuer, jwksUrl, keyFile = "" }: IssuerSettings): Promise<Finding> {
  const subject = `issuer ${issuer}`;
  try {
    const { keys } = await (jwksUrl === undefined ? readKeyFile(keyFile) : fetchKeys(jwksUrl));
    if (keys.length === 0) return fail(subject, `${jwksUrl ?? keyFile} has no public key: its tokens are refused`);
    return ok(subject, `${keys.length} public ${keys.length === 1 ? "key" : "keys"}`);
  } catch (error) {
    return fail(subject, `its keys cannot be read (${reasonOf(error)}): its tokens are refused`);
  }
}
