// Everything that a scenario works with: the seeded PostgreSQL, Colloquy, its peers, and credentials.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { LocalIssuer } from "../src/access/tokens/local-issuer.ts";
import { operatorKeys } from "../src/domain/secrets/operator-keys.ts";
import { startEmbedded } from "../src/embedded-postgres/embedded.ts";
import { createKeyRing } from "../src/store/keys/server-keys.ts";
import { openDatabase } from "../src/store/open-database.ts";
import { IMPORT_TENANT, idOf, LARGE_TENANT, MEMBER, type Sizes, SMALL_TENANT, TENANT } from "./layout.ts";
import type { Effort } from "./measure.ts";
import { cpuMicrosWithChildren, LOAD_CORES, pin, type Served, startServer } from "./process.ts";
import { seed } from "./seed.ts";

export const ROOT = join(import.meta.dirname, "..");
/** What `npm start` runs. */
export const PROGRAM = join(ROOT, "dist/program/main.js");

export interface Stage {
  readonly sizes: Sizes;
  readonly effort: Effort;
  readonly url: string;
  /** Processor time that PostgreSQL has used so far, in microseconds. */
  databaseCpuMicros(): number;
  /** For scripts and the like. */
  readonly directory: string;
  /** Starts a peer of `peers/` on its first use. */
  peer(name: "bare" | "plain" | "fastify" | "grpc" | "files"): Promise<Served>;
  /** Stops the peers, until they are used again: PostgreSQL has 100 connections, and each of them holds some. */
  stopPeers(): Promise<void>;
  /** Starts Colloquy on its first use, with a setting of its own each. */
  colloquy(name?: string, environment?: Readonly<Record<string, string>>): Promise<Served>;
  /** A token of the member in the tenant that is measured unless told; `import` and those with `admin` are of administrators. */
  token(kind?: "measured" | "large" | "small" | "admin" | "small admin" | "import"): string;
  /** A token of the member in the tenant of this number, from 1 on. */
  tokenOf(tenant: number): string;
  say(line: string): void;
  close(): Promise<void>;
}

const PORTS = { bare: 18_101, plain: 18_103, fastify: 18_105, grpc: 18_106, files: 18_107 };
const FIRST_PORT = 18_110;

export async function setStage(sizes: Sizes, effort: Effort, say: (line: string) => void): Promise<Stage> {
  const dataDir = join(ROOT, "bench/.data", sizes.name);
  const start = () => startEmbedded({ dataDir, logger: pino({ level: "silent" }) });
  let embedded = await start();
  if (!(await seed(embedded.url, sizes, say))) {
    await embedded.stop();
    await rm(dataDir, { recursive: true });
    embedded = await start();
    await seed(embedded.url, sizes, say);
  }
  // What it forks from now on stays where it is.
  pin(embedded.pid, LOAD_CORES);
  const database = await openDatabase({ url: embedded.url, poolSize: 1 });
  const issuer = new LocalIssuer(createKeyRing(database, "signing", operatorKeys({ key: undefined })));
  await issuer.keys.rotateWhenOld();
  const tokens = new Map<string, string>();
  for (const [kind, tenantId, sub, role] of [
    ["measured", TENANT, MEMBER, undefined],
    ["large", LARGE_TENANT, MEMBER, undefined],
    ["small", SMALL_TENANT, MEMBER, undefined],
    ["admin", TENANT, "admin", "admin"],
    ["small admin", SMALL_TENANT, "admin", "admin"],
    ["import", IMPORT_TENANT, "admin", "admin"],
  ] as const) {
    tokens.set(kind, await issuer.issue({ tenantId, sub, role, ttl: 86_400 }));
  }
  const ofTenants: string[] = [];
  for (let tenant = 1; tenant <= sizes.tenants; tenant++) {
    ofTenants.push(await issuer.issue({ tenantId: idOf("tenant", tenant), sub: MEMBER, role: undefined, ttl: 86_400 }));
  }
  await database.close();
  let nextPort = FIRST_PORT;
  const started = new Map<string, Promise<Served>>();
  const once = (name: string, start: () => Promise<Served>) => {
    const known = started.get(name) ?? start();
    started.set(name, known);
    return known;
  };
  return {
    sizes,
    effort,
    url: embedded.url,
    databaseCpuMicros: () => cpuMicrosWithChildren(embedded.pid),
    directory: join(ROOT, "bench/.data/scripts"),
    peer: (name) =>
      once(name, () => {
        const environment = {
          PORT: String(PORTS[name]),
          DATABASE_URL: embedded.url,
          FOLDER: join(dataDir, "bench-files"),
        };
        return startServer(name, ["node", join(ROOT, `bench/peers/${name}.ts`)], PORTS[name], environment);
      }),
    async stopPeers() {
      for (const name of Object.keys(PORTS)) {
        await (await started.get(name))?.stop();
        started.delete(name);
      }
    },
    colloquy: (name = "colloquy", environment = {}) =>
      once(name, () => {
        const port = nextPort++;
        const settings = {
          PORT: String(port),
          DATABASE_URL: embedded.url,
          COLLOQUY_DATA_DIR: dataDir,
          COLLOQUY_COMPAT: "",
          // On, and never reached.
          COLLOQUY_RATE_LIMITS: "caller=999999999/60,tenant=999999999/60",
          // Any of the servers on one database may be the one that delivers.
          COLLOQUY_WEBHOOK_PRIVATE: "yes",
          ...environment,
        };
        return startServer(name, ["node", PROGRAM, "serve"], port, settings);
      }),
    token: (kind = "measured") => tokens.get(kind) ?? "",
    tokenOf: (tenant) => ofTenants[tenant - 1] ?? "",
    say,
    async close() {
      await Promise.all([...started.values()].map(async (server) => (await server).stop()));
      await embedded.stop();
    },
  };
}
