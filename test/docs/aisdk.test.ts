// What docs/frontends/aisdk.md shows, run as it stands: its commands and its programs.
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/colloquy/v1/agent_service_pb.ts";
import { blocksOf, hasTools, matches, runBlocks } from "../support/doc-runner.ts";
import { type IdentityServer, startIdentityServer } from "../support/servers/identity-server.ts";

const DOCUMENT = "docs/frontends/aisdk.md";
const HERE = "http://127.0.0.1:8080";
const root = join(import.meta.dirname, "../..");

let server: IdentityServer;
let key: string;
let programs: string[];
beforeAll(async () => {
  server = await startIdentityServer({ environment: { COLLOQUY_COMPAT: "aisdk" } });
  const made = await (await server.tenant()).key("read", "write", "admin");
  key = made.text;
  const parrot = { name: "parrot", connector: { case: "echo", value: {} } } as const;
  await server.client(AgentService, made.credential).createAgent({ agent: parrot });
  const document = await readFile(join(root, DOCUMENT), "utf8");
  programs = [...document.matchAll(/```(?:ts|js)\n(.*?)```/gs)].map(([, program = ""]) => program);
});
afterAll(() => server.close());

describe.skipIf(!hasTools)(DOCUMENT, () => {
  test("prints what it says", async () => {
    const blocks = blocksOf(DOCUMENT);
    expect(blocks.length).toBe(3);
    const outputs = await runBlocks(blocks, {
      // The command line works on a server of its own; here it gives what this server knows.
      before: `npm() { case "$*" in *"key create"*) echo "$GIVEN" ;; *"agent set"*|*"member set"*) : ;; *) as_npm "$@" ;; esac; }`,
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

/** Runs a program as Node runs it, in the folder of the examples. */
async function run(program: string): Promise<string> {
  const file = join(root, "examples/chat-nextless", `.from-docs-${process.pid}.ts`);
  await writeFile(file, program.replaceAll(HERE, server.url));
  try {
    const environment = { ...process.env, KEY: key };
    return (await promisify(execFile)(process.execPath, [file], { env: environment })).stdout;
  } finally {
    await rm(file);
  }
}

test("its program runs", async () => {
  expect(await run(programs[0] ?? "")).toBe("[ 'user: The roses need water', 'assistant: The roses need water' ]\n");
});

test("what a page does, and the short request, run", async () => {
  const [connect = "", page = "", short = ""] = programs;
  const before = `${connect.replaceAll("chat-1", "chat-3")}
    const [api, id, headers] = ["${HERE}/api/chat", "chat-3", { Authorization: \`Bearer \${KEY}\` }];
    const setMessages = (messages) => { chat.messages = messages; };
    const resumeStream = () => chat.resumeStream();`;
  const after = `
    const again = new Chat({ id, transport: new DefaultChatTransport({ api, headers, ${short.trim().replace(/;$/, "")} }), messages: chat.messages });
    await again.sendMessage({ text: "And light" });
    console.log(again.messages.length, again.error);`;
  expect((await run(before + page + after)).split("\n").slice(-2)).toEqual(["4 undefined", ""]);
});
