// No process that a test starts outlives it, and none of a run outlives that.
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestCluster } from "../postgres/postgres.ts";
import { startServer } from "../servers/process.ts";
import { startChild } from "./child.ts";

/** The command lines of processes that name a directory, or have it for their own. */
function processesOf(directory: string): string[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim();
      const about = [command, readFileSync(`/proc/${name}/environ`, "utf8"), readlinkSync(`/proc/${name}/cwd`)];
      return command !== "" && about.some((text) => text.includes(directory)) ? [`${name} ${command}`] : [];
    } catch {
      // It has ended.
      return [];
    }
  });
}

describe.runIf(existsSync("/proc/self/environ"))("a test that runs out of time", () => {
  let directory: string;
  let before: string | undefined;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "colloquy-left-"));
    before = process.env.TMPDIR;
    process.env.TMPDIR = directory;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
    await rm(directory, { recursive: true, force: true });
  });

  // Longer than a server and a cluster need on a machine with time, though it may as well end while they start.
  test.fails("has started what it waits for, and never ends", { timeout: 4_000 }, async () => {
    const server = startServer({ COLLOQUY_DATA_DIR: join(directory, "server"), PORT: "0", COLLOQUY_COMPAT: "" });
    server.ready.catch(() => {});
    startChild("sh", ["-c", `cd ${directory}; sleep 600 & sleep 600`], { stdio: "ignore" });
    await startTestCluster();
    await new Promise(() => {});
  });

  test("has taken it all along", async () => {
    await expect.poll(() => processesOf(directory)).toEqual([]);
  });
});

test.runIf(existsSync("/proc/self/environ"))("a run that is killed takes along what it had started", async () => {
  const program = `
    import { spawn } from "node:child_process";
    import { markRun, watchRun } from ${JSON.stringify(join(import.meta.dirname, "leftovers.ts"))};
    markRun();
    watchRun();
    console.log(spawn("sleep", ["600"], { stdio: "ignore", detached: true }).pid);
    setInterval(() => {}, 1_000);`;
  const { TEST_RUN: _, ...env } = process.env;
  const run = startChild(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: run.stdout as NodeJS.ReadableStream }), "line");
  const commandOf = () => readFileSync(`/proc/${Number(line)}/cmdline`, "utf8");
  expect(commandOf()).toContain("sleep");
  run.kill("SIGKILL");
  await expect.poll(() => existsSync(`/proc/${Number(line)}`) && commandOf()).toSatisfy((left) => !left);
});
