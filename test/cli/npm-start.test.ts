// Started by npm, a server ends with it: npm's shell passes no signal on.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { createTestDatabase } from "../support/postgres/postgres.ts";
import { startChild } from "../support/run/child.ts";

const ROOT = join(import.meta.dirname, "../..");

/** The command lines of all processes whose environment has the mark. */
function marked(mark: string): string[] {
  return readdirSync("/proc").flatMap((name) => {
    try {
      if (!/^[0-9]+$/.test(name) || !readFileSync(`/proc/${name}/environ`, "utf8").includes(mark)) return [];
      return [readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ")];
    } catch {
      // It has ended just now.
      return [];
    }
  });
}

test.skipIf(!existsSync("/proc/self/environ"))(
  "npm/npm#4603, npm/npm#8162: after SIGTERM to the process of `npm start` nothing stays",
  async () => {
    await using database = await createTestDatabase();
    const mark = `STARTED=${randomUUID()}`;
    const env = {
      STARTED: mark.slice(8),
      ...{ PATH: process.env.PATH, HOME: process.env.HOME, TEST_RUN: process.env.TEST_RUN },
      ...{ DATABASE_URL: database.url, PORT: "0", COLLOQUY_COMPAT: "", LOG_LEVEL: "info" },
    };
    const npm = startChild("npm", ["start"], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    const url = await new Promise<string>((resolve) => {
      createInterface({ input: npm.stdout as NodeJS.ReadableStream }).on("line", (line) => {
        const [found] = /http:\/\/\S+/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    const log: string[] = [];
    createInterface({ input: npm.stderr as NodeJS.ReadableStream }).on("line", (line) => log.push(line));
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    // npm, and the server at least.
    expect(marked(mark).length).toBeGreaterThan(1);
    const ended = once(npm, "close");
    npm.kill("SIGTERM");
    await ended;
    await expect.poll(() => marked(mark)).toEqual([]);
    expect(log.some((line) => line.includes("stopping: running calls may finish"))).toBe(true);
  },
);
