// What docs/frontends/mcp.md shows, run as it stands: its commands, its configuration and its example.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { MOUNTED_NAMES } from "../../src/domain/settings/dialect-names.ts";
import { blocksOf, hasTools, matches, runBlocks } from "../support/doc-runner.ts";
import { connectNew } from "../support/fronts/mcp.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const DOCUMENT = "docs/frontends/mcp.md";
const HERE = "http://127.0.0.1:8080";

let server: IdentityServer;
let key: string;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "mcp" } });
  const made = await (await server.tenant()).key("read", "write", "admin");
  key = made.text;
  const parrot = { name: "parrot", connector: { case: "echo", value: {} } } as const;
  await server.client(AgentService, made.credential).createAgent({ agent: parrot });
});
afterAll(() => server.close());

describe.skipIf(!hasTools)(DOCUMENT, () => {
  test("prints what it says", async () => {
    const blocks = blocksOf(DOCUMENT);
    expect(blocks.length).toBe(4);
    const outputs = await runBlocks(blocks, {
      // The command line works on a server of its own; here it gives what this server knows.
      before: `npm() { case "$*" in *"key create"*) echo "$GIVEN" ;; *) as_npm "$@" ;; esac; }`,
      environment: { GIVEN: key },
      adapt: (commands) => commands.replaceAll(HERE, server.url),
    });
    for (const [i, { commands, prints = "" }] of blocks.entries()) {
      const output = outputs[i] ?? "";
      if (!matches(prints.replaceAll(HERE, server.url), output))
        expect(`${commands}${output}`).toBe(`${commands}${prints}`);
    }
  }, 120_000);
});

test("its configuration connects a client", async () => {
  const { colloquy } = JSON.parse(await shown("json")).mcpServers;
  expect(colloquy.type).toBe("http");
  const url = new URL(colloquy.url.replace(HERE, server.url));
  expect(url.pathname).toBe("/mcp");
  const headers = { authorization: colloquy.headers.Authorization.replace("clq_…", key) };
  const client = await connectNew(url.origin, headers, "auto");
  // Its table names every tool, and no other.
  const document = await readFile(join(import.meta.dirname, "../..", DOCUMENT), "utf8");
  const named = [...document.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(named).toEqual((await client.tools()).map(({ name }) => name));
  await client.close();
});

test("the settings name it among what is served by default", async () => {
  const operations = await readFile(join(import.meta.dirname, "../../docs/operations.md"), "utf8");
  const served = /`COLLOQUY_COMPAT` \| `([^`]+)`/.exec(operations)?.[1]?.split(",");
  expect(served?.map((one) => one.replace(/@.*/, ""))).toEqual([...MOUNTED_NAMES]);
});

async function shown(language: string): Promise<string> {
  const document = await readFile(join(import.meta.dirname, "../..", DOCUMENT), "utf8");
  return new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(document)?.[1] ?? "";
}
