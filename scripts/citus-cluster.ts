// Runs a Citus cluster on loopback from installed programs, to try it: a coordinator and two workers.
//   node scripts/citus-cluster.ts DIRECTORY [FIRST_PORT]
// It listens at FIRST_PORT (default 5500) and the two after it, prints DATABASE_URL, and stops at Ctrl-C. At the next start
// with the same directory, everything is as it was.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { installedCitus, setUpDatabase, startCitus } from "./citus/nodes.ts";

const DATABASE = "colloquy";

const [directory, port = "5500"] = process.argv.slice(2);
const first = Number(port);
const binaries = installedCitus();
if (directory === undefined || !Number.isInteger(first))
  fail("usage: node scripts/citus-cluster.ts DIRECTORY [FIRST_PORT]");
if (binaries === undefined) fail("Citus is not installed: there is no /usr/lib/postgresql/*/lib/citus.so");

const isNew = !existsSync(join(directory, "coordinator"));
const cluster = await startCitus(directory, binaries, [first, first + 1, first + 2]);
if (isNew) await setUpDatabase(cluster, DATABASE);
process.stdout.write(`DATABASE_URL=${cluster.coordinator.url(DATABASE)}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void cluster.stop());

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
