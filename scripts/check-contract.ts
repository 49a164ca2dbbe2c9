// Checks the contract: its style, its permissions, that it breaks no released client, and that what is generated is
// fresh. Usage: npm run contract
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gatherThirdParty } from "./third-party.ts";

/** The contract of the last release, as `npm run contract:release` wrote it. */
const RELEASED = "test/contract/released.binpb";

gatherThirdParty();
run("buf", ["lint"]);
run("buf", ["format", "--diff", "--exit-code", "proto"]);
if (existsSync(RELEASED)) run("buf", ["breaking", "proto", "--against", RELEASED]);

const fresh = mkdtempSync(join(tmpdir(), "colloquy-gen-"));
try {
  run("buf", ["generate", "--output", fresh]);
  run("buf", ["generate", "--template", "test/support/buf.gen.yaml", "--output", fresh]);
  run("node", ["scripts/openapi.ts", join(fresh, "gen/openapi")]);
  run("node", ["scripts/test-image.ts", join(fresh, "test/gen")]);
  run("node", ["scripts/settings-schema.ts", join(fresh, "gen")]);
  run("node", ["scripts/permissions.ts", "--check"]);
  const stale = [...differences("gen", fresh), ...differences("test/gen", fresh)];
  if (stale.length > 0) {
    console.error(`These are not what is generated; run "npm run generate":\n${stale.join("\n")}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(fresh, { recursive: true });
}

function run(command: string, args: string[]): void {
  execFileSync(command, args, { stdio: "inherit" });
}

/** The generated files below `folder` that differ between the tree and a fresh run, or are only in one of them. */
function differences(folder: string, fresh: string): string[] {
  const list = (root: string) =>
    existsSync(root)
      ? readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
          /_pb\.ts$|\.json$|\.binpb$/.test(name),
        )
      : [];
  const names = new Set([...list(folder), ...list(join(fresh, folder))]);
  return [...names]
    .map((name) => join(folder, name))
    .filter((path) => read(path) !== read(join(fresh, path)))
    .sort();
}

function read(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
