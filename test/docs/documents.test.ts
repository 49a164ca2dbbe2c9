// What the documents show, run as it stands: against a server on another port, and with a key and a database of this run.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blocksOf, hasTools, matches, runBlocks } from "../support/doc-runner.ts";
import { type IdentityServer, startIdentityServer } from "../support/identity-server.ts";
import { createTestDatabase } from "../support/postgres.ts";

if (!hasTools) process.stderr.write("bash, curl, jq or gzip is missing: skipping the commands of the documents\n");

const root = join(import.meta.dirname, "../..");
const HERE = "http://127.0.0.1:8080";

let server: IdentityServer;
let key: string;
let folder: string;
beforeAll(async () => {
  server = await startIdentityServer();
  const tenant = await server.tenant();
  key = (await tenant.key("read", "write", "admin")).text;
  folder = await mkdtemp(join(tmpdir(), "colloquy-docs-"));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

describe.skipIf(!hasTools)("docs/rest.md", () => {
  test("prints what it says", async () => {
    const blocks = blocksOf("docs/rest.md");
    expect(blocks.length).toBeGreaterThan(12);
    const outputs = await runBlocks(blocks, {
      environment: { KEY: key },
      folder,
      adapt: (commands) => commands.replaceAll(HERE, server.url),
    });
    for (const [i, { commands, prints }] of blocks.entries()) {
      if (prints === undefined) continue;
      const output = outputs[i] ?? "";
      if (!matches(prints, output)) expect(`${commands}${output}`).toBe(`${commands}${prints}`);
    }
  });
});

describe.skipIf(!hasTools)("README.md", () => {
  // What starts the server and keeps its key has happened.
  const blocks = blocksOf("README.md").filter(({ commands }) => !/^(npm ci && npm start|export KEY=)/.test(commands));

  test("makes first calls over REST, Connect and gRPC", async () => {
    const outputs = await runBlocks(blocks, {
      environment: { KEY: key },
      adapt: (commands) => commands.replaceAll(HERE, server.url).replaceAll("curl -H", "curl -sS --fail-with-body -H"),
    });
    const all = outputs.join("");
    expect(all.match(/"title":\s*"Hello"/g)?.length).toBeGreaterThanOrEqual(4);
    expect(all).toContain("colloquy.v1.MessageService/SendMessage");
    expect(all).not.toContain('"code"');
  });

  test("shows a program that works, the one in examples/", async () => {
    const readme = await readFile(join(root, "README.md"), "utf8");
    const program = /```ts\n(.*?)```/s.exec(readme)?.[1] ?? "";
    expect(await readFile(join(root, "examples/quick-start.ts"), "utf8")).toBe(program);
    const adapted = program.replace(HERE, server.url);
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module-typescript", "--eval", adapted],
      { cwd: root, env: { ...process.env, KEY: key } },
    );
    expect(stdout).toBe("[ '1 Hi, all' ]\n");
  });
});

// A server is told to stop once it has said that it is ready; `npm start` runs what was built from it.
const NPM = `npm() {
  if [ "$*" != start ]; then command npm "$@"; return; fi
  node src/main.ts > "$LOG" & local server=$!
  until grep -q 'is ready at' "$LOG"; do kill -0 $server; sleep 0.1; done
  kill -TERM $server; wait $server; cat "$LOG"
}`;

describe.skipIf(!hasTools)("docs/operations.md", () => {
  test("migrates a database of one's own and starts on it", async () => {
    await using own = await createTestDatabase("template0");
    const [output = ""] = await runBlocks(blocksOf("docs/operations.md"), {
      before: NPM,
      environment: { PORT: "0", COLLOQUY_DATA_DIR: folder, COLLOQUY_COMPAT: "", LOG: join(folder, "log") },
      adapt: (commands) => commands.replace("postgresql://colloquy:secret@db.example.com/colloquy", `"${own.url}"`),
    });
    expect(output).toContain("Its data lie in the database of DATABASE_URL.");
  }, 60_000);
});
