// What is published is well formed by the checks of publint and arethetypeswrong, and the client comes without the
// server.
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import webpack from "webpack";
import { type Installed, installPackage } from "../support/servers/installed.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const ROOT = join(import.meta.dirname, "../..");
const run = promisify(execFile);

let installed: Installed;
let place: string;
let project: string;
let client: string;
const tarballs: Record<string, string> = {};
beforeAll(async () => {
  installed = await installPackage();
  tarballs.colloquy = installed.archive;
  place = mkdtempSync(join(tmpdir(), "colloquy-client-"));
  project = join(place, "project");
  client = join(project, "node_modules/@colloquy/client");
  mkdirSync(client, { recursive: true });
  const made = join(place, "made");
  execFileSync(process.execPath, [join(ROOT, "scripts/client-package.ts"), made]);
  execFileSync("npm", ["pack", "--ignore-scripts", "--pack-destination", place], { cwd: made, stdio: "ignore" });
  tarballs["@colloquy/client"] = join(place, readdirSync(place).find((name) => name.endsWith(".tgz")) ?? "");
  execFileSync("tar", ["-xzf", tarballs["@colloquy/client"], "-C", client, "--strip-components=1"]);
  for (const name of Object.keys(manifestOf(client).dependencies)) {
    mkdirSync(dirname(join(project, "node_modules", name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(project, "node_modules", name));
  }
});
afterAll(() => {
  installed?.[Symbol.dispose]();
  rmSync(place, { recursive: true, force: true });
});

function manifestOf(directory: string) {
  return JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
}

describe.each(["colloquy", "@colloquy/client"])("%s", (name) => {
  test("publint finds nothing", async () => {
    const pkgDir = name === "colloquy" ? installed.directory : client;
    const { messages } = await publint({ pkgDir, pack: false, strict: true });
    const pkg = manifestOf(pkgDir);
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test("arethetypeswrong finds nothing, for Node's rules and those of bundlers", async () => {
    const attw = join(ROOT, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const words = [attw, tarballs[name] ?? "", "--profile", "node16", "--format", "json"];
    const { stdout } = await run(process.execPath, words, { maxBuffer: 1 << 26 });
    const { analysis } = JSON.parse(stdout);
    // TypeScript has dropped the rules of Node 10.
    const problems = analysis.problems.filter(
      (problem: { resolutionKind?: string }) => problem.resolutionKind !== "node10",
    );
    expect([analysis.packageName, problems]).toEqual([name, []]);
  });
});

const USE = `
import { createClient, type Message, MessageRole, reasonOf } from "@colloquy/client";

const client = createClient({ baseUrl: "http://127.0.0.1:1", apiKey: "clq_x" });
const show = (message: Message): string => \`\${message.id} \${message.seq === 1n}\`;
console.log(MessageRole.USER, typeof client.messages, typeof show, reasonOf(new Error("no")));
`;
const SAID = "1 object function undefined\n";

describe("@colloquy/client", () => {
  test("has three dependencies, none of them of a server", () => {
    expect(Object.keys(manifestOf(client).dependencies)).toEqual([
      "@bufbuild/protobuf",
      "@connectrpc/connect",
      "@connectrpc/connect-web",
    ]);
  });

  test("has the version, the entry points and the modules of colloquy/client", () => {
    const whole = manifestOf(installed.directory);
    const { version, exports, engines } = manifestOf(client);
    expect({ version, engines, client: exports["."] }).toEqual({
      version: whole.version,
      engines: whole.engines,
      client: whole.exports["./client"],
    });
    const held = execFileSync("find", [client, "-type", "f"], { encoding: "utf8" }).trim().split("\n");
    const foreign = held.filter((file) => !/\/(LICENSE|README\.md|package\.json)$|\/(src\/client|gen)\//.test(file));
    expect(foreign).toEqual([]);
  });

  test.each([
    ["an ES module", "mts", "nodenext", "nodenext"],
    ["CommonJS", "cts", "node16", "node16"],
  ])("compiles and runs in %s", async (_, extension, module, resolution) => {
    const name = `use.${extension}`;
    writeFileSync(join(project, name), USE);
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const options = ["--module", module, "--moduleResolution", resolution, "--target", "es2022", "--strict"];
    const lib = ["--lib", "es2022,dom,dom.iterable", "--types", ""];
    const compiled = await run(process.execPath, [tsc, ...options, ...lib, name], { cwd: project }).catch((e) => e);
    expect(compiled.stdout).toBe("");
    expect((await run(process.execPath, [name.replace("ts", "js")], { cwd: project })).stdout).toBe(SAID);
  });

  test("webpack bundles it for a browser from ES modules and from CommonJS, without modules of Node", async () => {
    const js = USE.replace("type Message, ", "").replace(/const show.*\n/, "const show = String;\n");
    const commonJs = js.replace(/import (\{.*\}) from (".*");/, "const $1 = require($2);");
    for (const [name, text] of [
      ["bundled.mjs", js],
      ["bundled.cjs", commonJs],
    ] as const) {
      writeFileSync(join(project, name), text);
      const compiler = webpack({
        mode: "production",
        target: "web",
        context: project,
        entry: `./${name}`,
        output: { path: join(project, "bundles"), filename: `${name}.js` },
        performance: { hints: false },
        // Small names change nothing of what is bundled.
        optimization: { minimize: false },
      });
      const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) =>
        compiler?.run((error, made) => (error ? reject(error) : resolve(made))),
      );
      expect(stats?.toJson({ all: false, errors: true, warnings: true })).toMatchObject({ errors: [], warnings: [] });
      const file = join(project, "bundles", `${name}.js`);
      expect(readFileSync(file, "utf8")).not.toMatch(/require\("|node:/);
      // What it brings is what it says in a browser, and Node runs that too.
      expect((await run(process.execPath, [file], { cwd: project })).stdout).toBe(SAID);
    }
  });

  test("compiles by the rules of bundlers, and Vite bundles it for a browser, without modules of Node", async () => {
    writeFileSync(join(project, "page.ts"), USE);
    const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
    const options = [
      "--module",
      "esnext",
      "--moduleResolution",
      "bundler",
      "--target",
      "es2022",
      "--strict",
      "--noEmit",
    ];
    const lib = ["--lib", "es2022,dom,dom.iterable", "--types", ""];
    const compiled = await run(process.execPath, [tsc, ...options, ...lib, "page.ts"], { cwd: project }).catch(
      (e) => e,
    );
    expect(compiled.stdout).toBe("");
    const out = await build({
      root: project,
      logLevel: "error",
      configFile: false,
      build: { write: false, lib: { entry: join(project, "page.ts"), formats: ["es"] } },
    });
    const [bundle] = [out].flat() as { output: { type: string; code?: string }[] }[];
    const code = bundle?.output.map((chunk) => chunk.code ?? "").join("") ?? "";
    expect(code).not.toMatch(/node:|__vite-browser-external/);
    expect(code.length).toBeLessThan(600_000);
  });
});
