// What each command loads of the dependencies. Most of the time that a short command takes is the loading of modules.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { runSources, startServerFromSources } from "../support/servers/process.ts";

const RECORDER = pathToFileURL(join(import.meta.dirname, "../support/servers/loaded-modules.ts")).href;

let own: TestDatabase;
let folder: string;
beforeAll(async () => {
  own = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), "colloquy-loaded-"));
});
afterAll(async () => {
  await own.drop();
  await rm(folder, { recursive: true });
});

function recording(): Record<string, string> {
  return {
    NODE_OPTIONS: `--import=${RECORDER}`,
    LOADED_MODULES: join(folder, "modules"),
    DATABASE_URL: own.url,
    COLLOQUY_DATA_DIR: join(folder, "data"),
  };
}

/** What the last process has loaded of the package's own dependencies. */
async function loaded(): Promise<string[]> {
  const urls = await readFile(join(folder, "modules"), "utf8");
  expect(urls).toContain("src/cli/main.ts");
  return Object.keys(manifest.dependencies)
    .filter((name) => urls.includes(`/node_modules/${name}/`))
    .toSorted();
}

const CONNECTED = ["@bufbuild/protobuf", "pg", "pino", "zod"];

test.each([
  ["--version", []],
  ["token --help", []],
  ["--print-config", ["@bufbuild/protobuf", "pino", "zod"]],
  ["migrate", CONNECTED],
  ["tenant create --slug acme", CONNECTED],
  ["key create --tenant acme", CONNECTED],
  ["member set --tenant acme --id ann", CONNECTED],
  ["token --tenant acme --sub ann", [...CONNECTED, "jose"].toSorted()],
  ["agent set --tenant acme --name echo --connector echo", CONNECTED],
])("%s", async (line, dependencies) => {
  expect(await runSources(line.split(" "), recording())).toMatchObject({ status: 0, stderr: "" });
  expect(await loaded()).toEqual(dependencies);
});

test("a server that has just started: none of what reads files, asks others, or maps tables", async () => {
  const server = startServerFromSources({ ...recording(), PORT: "0" });
  await server.ready;
  server.signal("SIGTERM");
  expect(await server.ended).toMatchObject({ status: 0 });
  expect(await loaded()).toEqual(
    [
      ...[...CONNECTED, "@bufbuild/protovalidate", "@connectrpc/connect", "client-zip", "jose", "prom-client"],
      // prom-client's.
      "@opentelemetry/api",
    ].toSorted(),
  );
});
