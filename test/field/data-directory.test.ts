// F-DATADIR: volumes that cannot be written to, as users of other products' images met them, tried on ours.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runColloquy } from "../support/servers/process.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "colloquy-data-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a start says, and nothing else: no stack. */
const start = (COLLOQUY_DATA_DIR: string) => runColloquy(["serve"], { COLLOQUY_DATA_DIR, PORT: "0" });

const rule = (directory: string, why: string) =>
  `colloquy: COLLOQUY_DATA_DIR: ${directory} must be a directory that this user can write to, with free space\n  ${why}\n`;

// mortennordbye/headroom#9, cedalo/management-center#80: a stack trace, or nothing at all.
test("a data directory that is a file, or cannot be made, is refused in a sentence", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(await start(file)).toMatchObject({
    status: 1,
    stdout: "",
    stderr: rule(file, `EEXIST: file already exists, mkdir '${file}'`),
  });
  const below = join(file, "below");
  expect(await start(below)).toMatchObject({
    status: 1,
    stdout: "",
    stderr: rule(below, `ENOTDIR: not a directory, mkdir '${below}'`),
  });
});

// cryptpad/cryptpad#1313, travisghansen/external-auth-server#189: a full or read-only disk.
test("one without room, or that cannot be written to, is refused in a sentence, and nothing is left in it", async ({
  skip,
}) => {
  const disk = mkdtempSync(join(folder, "disk-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]);
  if (status !== 0) skip("file systems cannot be mounted here");
  try {
    const data = join(disk, "data");
    expect(await start(data)).toMatchObject({
      status: 1,
      stdout: "",
      stderr: rule(data, "PostgreSQL could not be initialized: No space left on device"),
    });
    expect(execFileSync("find", [data], { encoding: "utf8" })).toBe(`${data}\n`);
    // To the last byte: not even a password fits.
    spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "fill")}`]);
    expect(await start(data)).toMatchObject({
      status: 1,
      stdout: "",
      stderr: rule(data, "ENOSPC: no space left on device, write"),
    });
    expect(execFileSync("find", [data], { encoding: "utf8" })).toBe(`${data}\n`);
    execFileSync("mount", ["-o", "remount,ro", disk]);
    expect(await start(data)).toMatchObject({ status: 1, stdout: "", stderr: expect.stringContaining("EROFS") });
  } finally {
    execFileSync("umount", [disk]);
  }
});
