// Files are whole or not there, and nobody else's, whoever dies: what is acknowledged is kept, what is deleted is gone,
// and what a killed server leaves the sweeper finds.
import { createHash, randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError, createClient } from "../../../src/client/index.ts";
import { removeErased, sweepLostBytes, sweepUploads } from "../../../src/jobs/files.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import type { Store, Tenant } from "../stage/database.ts";
import { type FilesPlace, folderPlace } from "../stage/files-place.ts";
import type { Random } from "../stage/random.ts";
import { startOwnServer } from "../stage/server.ts";
import type { Verdict } from "./scenario.ts";

export interface FilesSize {
  /** How often the server is killed. */
  readonly kills: number;
  /** How many upload, download and delete at a time. */
  readonly workers: number;
  /** The largest file in bytes: above 4 MiB uploads come in pieces. */
  readonly maxBytes: number;
  /** Default: a folder. */
  readonly place?: () => Promise<FilesPlace>;
}

interface Known {
  readonly id: string;
  readonly sha256: string;
  state: "there" | "being deleted" | "gone";
}

/** Kills a server again and again while files go up, come down and are deleted. */
export async function files(
  store: Store,
  random: Random,
  { kills, workers, maxBytes, place = folderPlace }: FilesSize,
): Promise<Verdict> {
  await using at = await place();
  await using server = await startOwnServer({ DATABASE_URL: store.url, ...at.environment });
  const [owner, stranger] = [await store.tenant(), await store.tenant()];
  const clientOf = (tenant: Tenant) => {
    const apiKey = Object.values(tenant.headers)[0]?.replace(/^Bearer /, "") ?? "";
    return createClient({ baseUrl: server.url, apiKey, retry: { retries: 1_000, initialMs: 5, maxMs: 100 } });
  };
  const [client, other] = [clientOf(owner), clientOf(stranger)];
  const known: Known[] = [];
  const sent = new Set<string>();
  const findings: string[] = [];
  const figures = { uploads: 0, downloads: 0, deletions: 0, refusals: 0 };
  let over = false;

  const read = async (file: Known, by = client): Promise<string> => {
    const answer = await by.downloadFile(file.id);
    return sha256(new Uint8Array(await answer.arrayBuffer()));
  };
  const work = async (chance: Random) => {
    while (!over) {
      const file = known.length === 0 ? undefined : chance.pick(known);
      const what = chance.next();
      if (file === undefined || what < 0.4) {
        const bytes = randomBytes(chance.between(1, maxBytes));
        sent.add(sha256(bytes));
        const { id, sha256: hash } = await client.uploadFile(bytes);
        if (hash !== sha256(bytes)) findings.push(`${id} is not what was sent`);
        known.push({ id, sha256: hash, state: "there" });
        figures.uploads++;
      } else if (what < 0.7) {
        const hash = await read(file).catch(codeOf);
        figures.downloads++;
        const fits = hash === file.sha256 || (file.state !== "there" && hash === Code.NotFound);
        if (!fits) findings.push(`${file.id}, which is ${file.state}, came back as ${hash}`);
      } else if (what < 0.85) {
        const hash = await read(file, other).catch(codeOf);
        figures.refusals++;
        if (hash !== Code.NotFound) findings.push(`another tenant got ${hash} of ${file.id}`);
      } else if (file.state === "there") {
        file.state = "being deleted";
        await client.files.deleteFile({ fileId: file.id });
        file.state = "gone";
        figures.deletions++;
      }
    }
  };
  const working = Promise.all(Array.from({ length: workers }, () => work(random.fork())));
  working.catch(() => {});
  for (let kill = 0; kill < kills; kill++) {
    const goal = figures.uploads + random.between(2, 12);
    while (figures.uploads < goal) await Promise.race([delay(random.between(1, 20)), working]);
    await delay(random.between(0, 40));
    server.signal("SIGKILL");
    await server.restart();
  }
  over = true;
  await working;

  for (const file of known) {
    const hash = await read(file).catch(codeOf);
    const right = file.state === "there" ? file.sha256 : Code.NotFound;
    if (hash !== right) findings.push(`${file.id}, which is ${file.state}, is ${hash} in the end`);
  }
  findings.push(...(await leftovers(store, at, owner.id, sent)));
  return { figures: { "kills of a server": kills, ...figures, findings: findings.length }, findings };
}

/** What does not belong together once the sweeper has been there. */
async function leftovers(store: Store, place: FilesPlace, tenantId: string, sent: Set<string>): Promise<string[]> {
  const database = await openDatabase({ url: store.url });
  const bytes = await place.open();
  const later = new Date(Date.now() + 3_600_000);
  try {
    await sweepUploads(database, bytes, tenantId, undefined, 0);
    await removeErased(database, bytes, tenantId);
    await sweepLostBytes(database, bytes, undefined, -3_600_000);
    const rows = (await store.sql(
      "select id, encode(sha256, 'hex') as sha256 from file where tenant_id = $1 and erase_time is null",
      [tenantId],
    )) as { id: string; sha256: string }[];
    const stored = new Set((await Array.fromAsync(bytes.list(later))).map(({ id }) => id));
    const twice = rows.filter((row, index) => rows.findIndex((one) => one.sha256 === row.sha256) !== index);
    return [
      ...rows.filter(({ id }) => !stored.has(id)).map(({ id }) => `${id} has no bytes`),
      ...[...stored].filter((id) => !rows.some((row) => row.id === id)).map((id) => `the bytes of ${id} have no file`),
      ...twice.map(({ id }) => `${id} is there twice`),
      ...rows.filter((row) => !sent.has(row.sha256)).map(({ id }) => `${id} is nothing that was sent`),
      ...((await bytes.removeUnfinished(later)) > 0 ? ["parts of an upload have stayed"] : []),
    ];
  } finally {
    await bytes.close();
    await database.close();
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function codeOf(error: unknown): Code {
  return ConnectError.from(error).code;
}
