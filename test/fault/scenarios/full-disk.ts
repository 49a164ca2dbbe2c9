// R1 on a disk that fills up: nothing acknowledged is lost, what cannot be written is refused in words, and with room
// again the store goes on.
import { execFile } from "node:child_process";
import { appendFile, chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { check } from "../history/check.ts";
import { History } from "../history/history.ts";
import { readStored } from "../history/stored.ts";
import { startOwnDatabase } from "../stage/database.ts";
import type { Random } from "../stage/random.ts";
import { startOwnServer } from "../stage/server.ts";
import { createConversations, startWriters } from "../stage/writers.ts";
import { answered, unexpected } from "./answers.ts";
import { type Verdict, verdictOf } from "./scenario.ts";

const run = promisify(execFile);

export interface FullDiskSize {
  /** How often the disk fills up. */
  readonly rounds: number;
}

/** Large enough for an empty cluster and some of its log. */
const DISK = "size=160m,mode=0711";
const BALLAST = Buffer.alloc(1 << 20);
/** How long nothing is acknowledged on a full disk before it gets room again, in milliseconds. */
const FULL_MS = 500;

/** Why it cannot run here; undefined: it can. Mounting a file system of its own takes root. */
export async function whyNoSmallDisk(): Promise<string | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "colloquy-disk-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", DISK, "tmpfs", directory]);
    await run("umount", [directory]);
    return undefined;
  } catch (error) {
    return `a small file system cannot be mounted: ${(error as Error).message.split("\n")[0]}`;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

export async function fullDisk(random: Random, { rounds }: FullDiskSize): Promise<Verdict> {
  await using disk = await mountSmallDisk();
  await using store = await startOwnDatabase({ on: disk.directory });
  await using server = await startOwnServer({ DATABASE_URL: store.url });
  const { id, headers } = await store.tenant();
  const conversationIds = await createConversations(server.url, headers, 4);
  const history = new History();
  const urls = [server.url];
  const writers = startWriters({ history, headers, conversationIds, random, writers: 8, repeated: 0.5, urls });
  const acknowledge = async (more: number) => {
    const goal = writers.acknowledged + more;
    while (writers.acknowledged < goal) await delay(5);
  };
  for (let round = 0; round < rounds; round++) {
    await acknowledge(random.between(10, 50));
    await disk.fill();
    for (let before = -1; before !== writers.acknowledged; await delay(FULL_MS)) before = writers.acknowledged;
    await disk.empty();
    await store.recover();
  }
  await acknowledge(20);
  await writers.stop();
  const verdict = verdictOf(check(history, await readStored(store.url, id)));
  return {
    figures: { "full disks": rounds, ...history.count(), ...answered(writers.answers), ...verdict.figures },
    findings: [...verdict.findings, ...unexpected(writers.answers)],
  };
}

async function mountSmallDisk() {
  const directory = await mkdtemp(join(tmpdir(), "colloquy-disk-"));
  await run("mount", ["-t", "tmpfs", "-o", DISK, "tmpfs", directory]);
  await chmod(directory, 0o711);
  const ballast = join(directory, "ballast");
  return {
    directory,
    /** Until not a byte more fits. */
    async fill(): Promise<void> {
      for (;;) {
        try {
          await appendFile(ballast, BALLAST);
        } catch {
          return;
        }
      }
    },
    empty: () => rm(ballast, { force: true }),
    async [Symbol.asyncDispose]() {
      // Lazily, for a process that is ending may still be in it.
      await run("umount", ["-l", directory]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
