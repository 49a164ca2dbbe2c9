// The commands on the dialects' pages, run as they stand.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { startDialects } from "../support/dialect-server.ts";

const run = promisify(execFile);
const hasJq = existsSync("/usr/bin/jq");

/** The commands of a page, one script, with `jq`'s work done by Node where it is not installed. */
function scriptOf(name: string, base: string): string {
  const page = readFileSync(join(import.meta.dirname, `../../docs/dialects/${name}.md`), "utf8");
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(3);
  const pick =
    'const path = process.argv.at(-1).slice(1).split("."); let text = ""; process.stdin.on("data", (d) => (text += d)).on("end", () => console.log(path.reduce((v, k) => v[k], JSON.parse(text))))';
  const jq = hasJq ? "" : `jq() { '${process.execPath}' -e '${pick}' "$@"; }\n`;
  return `set -euo pipefail\n${jq}${blocks.join("echo\n").replaceAll(/^BASE=.*$/gm, `BASE=${base}`)}`;
}

describe("the commands on a page", () => {
  test.each([
    ["assistant", "assistant", "", 3],
    ["helpdesk", "helpdesk/desk", "/desk/api", 4],
  ])("of the %s API work", async (name, compat, path, answers) => {
    const server = await startDialects(compat);
    const { stdout } = await run("bash", ["-c", scriptOf(name, server.server.url + path)]);
    const lines = stdout.split("\n").filter((line) => line !== "");
    expect(lines).toHaveLength(answers);
    for (const line of lines) expect(line).toMatch(/^\{"(success":true|status_code":200),/);
    await server.close();
  });
});
