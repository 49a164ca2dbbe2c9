// What the documents about agents and live logs show, run as it stands beside a server that was started as they say.
import { type ChildProcess, execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { blocksOf, type DocBlock, hasTools, matches, runBlocks } from "../support/doc-runner.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { startChild } from "../support/run/child.ts";
import { runInProcess } from "../support/servers/command-in-process.ts";
import { type RunningServer, startServer } from "../support/servers/process.ts";
import { freePort } from "../support/services/free-port.ts";

const root = join(import.meta.dirname, "../..");
const HERE = "http://127.0.0.1:8080";
const AGENT = "http://127.0.0.1:9090";
const START_AGENT = "npm exec -- node examples/agent/agent.ts &";
const TOOL_AGENT = "http://127.0.0.1:9091";
const START_TOOL_AGENT = "npm exec -- node examples/agent/tool-agent.ts &";

let own: TestDatabase;
let folder: string;
let server: RunningServer;
let url: string;
let settings: Record<string, string>;
beforeAll(async () => {
  [own, folder] = await Promise.all([createTestDatabase(), mkdtemp(join(tmpdir(), "colloquy-docs-"))]);
  settings = { DATABASE_URL: own.url, COLLOQUY_DATA_DIR: folder };
  server = startServer({ ...settings, PORT: "0", COLLOQUY_COMPAT: "", COLLOQUY_AGENT_PRIVATE: "yes" });
  url = /http:\S+/.exec(await server.ready)?.[0] ?? "";
});
afterAll(async () => {
  server.signal("SIGTERM");
  await server.ended;
  await Promise.all([own.drop(), rm(folder, { recursive: true })]);
});

async function checkBlocks(
  blocks: readonly DocBlock[],
  options: { before?: string; adapt?: (text: string) => string; environment?: Record<string, string> } = {},
): Promise<string[]> {
  const { before = "", adapt = (text) => text } = options;
  const outputs = await runBlocks(blocks, {
    before,
    environment: { ...settings, ...options.environment },
    adapt: (commands) =>
      adapt(commands)
        .replaceAll(HERE, url)
        .replaceAll(/(\w+\.(?:ndjson|jsonl)|all-files|moved-tenant)/g, `${folder}/$1`),
  });
  for (const [i, { commands, prints }] of blocks.entries()) {
    if (prints === undefined) continue;
    const output = outputs[i] ?? "";
    if (!matches(prints, output)) expect(`${commands}${output}`).toBe(`${commands}${prints}`);
  }
  return outputs;
}

/** Runs the program that a document shows. The test ends it if it does not end by itself. */
async function startProgram(path: string): Promise<ChildProcess> {
  const document = await readFile(join(root, path), "utf8");
  const program = (/```ts\n(.*?)```/s.exec(document)?.[1] ?? "").replace(HERE, url);
  const key = (await runInProcess("key create --scopes read,write,admin".split(" "), settings)).stdout.trim();
  const CONVERSATION = await readConversation(key);
  return startChild(process.execPath, ["--input-type=module-typescript", "--eval", program], {
    cwd: root,
    env: { ...process.env, KEY: key, CONVERSATION },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** The conversation that the document's commands made last, but for that with the second agent. */
async function readConversation(key: string): Promise<string> {
  const answer = await fetch(`${url}/v1/conversations?pageSize=5`, { headers: { authorization: `Bearer ${key}` } });
  const { conversations } = (await answer.json()) as { conversations: { id: string; agent: string }[] };
  return conversations.find(({ agent }) => agent !== "clock")?.id ?? "";
}

// Whoever follows goes on until they are stopped: here, once an entry has come. Something is sent to be heard of.
const FOLLOW = `curl() {
  case "$*" in
    *:subscribe*)
      : > "$LOG" # What the stream before has left is not taken for this one's.
      command curl "$@" > "$LOG" & local follower=$!
      until grep -q '"event"' "$LOG"; do
        kill -0 $follower; sleep 0.2
        command curl -s -o /dev/null "$URL/v1/conversations/$CONVERSATION/messages" -H "Authorization: Bearer $KEY" \\
          -H 'Content-Type: application/json' -d '{"content": "Still stuck."}'
      done
      kill $follower; cat "$LOG" ;;
    *) command curl --fail-with-body "$@" ;;
  esac
}`;

test.skipIf(!hasTools)(
  "docs/subscriptions.md: logs are followed",
  async () => {
    await checkBlocks(blocksOf("docs/subscriptions.md"), {
      before: FOLLOW,
      environment: { LOG: join(folder, "followed") },
    });

    const follower = await startProgram("docs/subscriptions.md");
    const lines: string[] = [];
    for await (const line of createInterface({ input: follower.stdout as NodeJS.ReadableStream })) {
      if (lines.push(line) === 2) break;
    }
    follower.kill();
    expect(lines).toEqual(["1n messageSent", "2n messageSent"]);
  },
  120_000,
);

test.skipIf(!hasTools)(
  "docs/export-import.md: conversations are exported and imported",
  async () => {
    await addConversation();
    const blocks = blocksOf("docs/export-import.md");
    const [local = "", overHttp = ""] = await checkBlocks(blocks);
    expect(local).toMatch(/[1-9]\d* messages? and \d+ events? added, 0 already present, 0 lines failed/);
    expect(JSON.parse(overHttp)).toMatchObject({ messageCount: "0", errorCount: "0" });
  },
  120_000,
);

/** A conversation that there is to export. */
async function addConversation(): Promise<void> {
  const key = (await runInProcess("key create --scopes write".split(" "), settings)).stdout.trim();
  const answer = await fetch(`${url}/v1/conversations`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ conversation: { title: "Lift" }, messages: [{ content: "It is stuck." }] }),
  });
  expect(answer.status).toBe(201);
}

test.skipIf(!hasTools)(
  "docs/agents.md: agents are registered and asked",
  async () => {
    const agent = `http://127.0.0.1:${await freePort()}`;
    const toolAgent = `http://127.0.0.1:${await freePort()}`;
    // The shell goes on once an agent listens, and takes it along when it ends.
    const start = (at: string, file: string) =>
      `PORT=${new URL(at).port} node examples/agent/${file}.ts > "$LOG.${file}" & agents="\${agents-} $!"
    until grep -q listens "$LOG.${file}"; do kill -0 $!; sleep 0.1; done`;
    const release = join(folder, "release");
    const blocks = blocksOf("docs/agents.md");
    expect(blocks.map(({ commands }) => commands.trim())).toContain(START_AGENT);
    const wait: DocBlock = { commands: `until [ -e "${release}" ]; do sleep 0.1; done`, prints: undefined };
    const commands = checkBlocks([...blocks, { commands: `touch "${release}.asked"`, prints: undefined }, wait], {
      before: `trap '[ -z "\${agents-}" ] || kill $agents' EXIT`,
      environment: { LOG: join(folder, "agent.log") },
      adapt: (text) =>
        text
          .replaceAll(START_AGENT, start(agent, "agent"))
          .replaceAll(START_TOOL_AGENT, start(toolAgent, "tool-agent"))
          .replaceAll(AGENT, agent)
          .replaceAll(TOOL_AGENT, toolAgent),
    });
    const asked = promisify(execFile)("sh", ["-c", `until [ -e "${release}.asked" ]; do sleep 0.1; done`]);
    await Promise.race([asked, commands]);

    const program = await startProgram("docs/agents.md");
    let said = "";
    program.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const [status] = await once(program, "close");
    await promisify(execFile)("touch", [release]);
    await commands;
    expect({ status, said }).toEqual({ status: 0, said: "reader has read as far as message 5: Hello" });
  },
  120_000,
);
