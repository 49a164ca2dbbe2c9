// What docs/frontends/a2a.md shows, run as it stands: its commands and its example.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { blocksOf, hasTools, matches, runBlocks } from "../support/doc-runner.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const DOCUMENT = "docs/frontends/a2a.md";
const HERE = "http://127.0.0.1:8080";

let server: IdentityServer;
let key: string;
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "a2a" } });
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
      before: `npm() { case "$*" in *"key create"*) echo "$GIVEN" ;; *"agent set"*) : ;; *) as_npm "$@" ;; esac; }`,
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
