// Every command that the documents of the dialects show, run as it stands.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startChild } from "../support/run/child.ts";
import { startDialects } from "../support/servers/dialect-server.ts";

const DOCUMENTS = ["callcenter", "crm", "assistant", "helpdesk", "workorder", "openai"] as const;
/** Where the documents say that the API is; here each has a server of its own. */
const BASES = /http:\/\/localhost:(?:8080|3030)/;
const installed = ["bash", "curl", "jq"].every((tool) => {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

/** The shell commands of a document. */
function commandsOf(name: string): string[] {
  const text = readFileSync(join(import.meta.dirname, `../../docs/dialects/${name}.md`), "utf8");
  return [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, commands = ""]) => commands);
}

test.skipIf(!installed).each(DOCUMENTS)("the commands of docs/dialects/%s.md work", async (name) => {
  const dialect = await startDialects(name);
  try {
    const { tenant, server } = dialect;
    await tenant.addMember("550e8400-e29b-41d4-a716-446655440000");
    const token = (await tenant.token("ann")).authorization?.slice("Bearer ".length);
    const key = (await tenant.key("read", "write", "admin")).text;
    const commands = commandsOf(name);
    expect(commands.length).toBeGreaterThan(3);
    // The command line works on a server of its own; here it gives what this server knows.
    const npm = `npm() { case "$*" in *"token "*) echo "${token}" ;; *"key create"*) echo "${key}" ;; esac; }`;
    const script = ["set -euo pipefail", npm, ...commands.map((one) => one.replace(BASES, server.url))];
    const { code, output } = await run(script.join("\n"));
    expect(code, output).toBe(0);
    expect(output).not.toContain("null\n");
  } finally {
    await dialect.close();
  }
});

function run(script: string): Promise<{ code: number | null; output: string }> {
  const shell = startChild("bash", ["-c", script]);
  let output = "";
  for (const stream of [shell.stdout, shell.stderr])
    stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => shell.on("close", (code) => resolve({ code, output })));
}
