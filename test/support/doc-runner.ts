// Runs what a document shows: its shell commands in order, in one shell, and compares what they print with what it
// says.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { startChild } from "./run/child.ts";
import { runInProcess } from "./servers/command-in-process.ts";
import { COMPILED } from "./servers/process.ts";

const root = join(import.meta.dirname, "../..");
const MARK = "=== the end of the block";
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { colloquy: string } };
/**
 * Colloquy's commands are run by the test, without a process for each, npm's as well; all else that npm and npx run is
 * run without them.
 */
const NPM = `as_npm() {
  case "$*" in
    "run -s colloquy -- -"*) shift 4; (cd '${root}'; PATH='${dirname(process.execPath)}':"$PATH"; exec ${scripts.colloquy} "$@") ;;
    "run -s colloquy -- "*) shift 4; run_command "$@" ;;
    "run colloquy -- "*) shift 3; run_command "$@" ;;
    *) command npm "$@" ;;
  esac
}
npm() { as_npm "$@"; }
npx() { local program=$1; shift; '${root}/node_modules/.bin/'"$program" "$@"; }
run_command() {
  local answer
  answer=$({ printf '%s\\0' "$#" "$@"; env -0; } | command curl -sS --unix-socket "$COMMANDS" --data-binary @- http://commands)
  jq -j .stdout <<< "$answer"; jq -j .stderr <<< "$answer" >&2; return "$(jq .status <<< "$answer")"
}`;

/** Runs the commands of the shell. */
async function startCommands(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), "colloquy-commands-"));
  const path = join(folder, "socket");
  const server = createServer(async (request, response) => {
    const [count = "", ...rest] = (await text(request)).split("\0").slice(0, -1);
    const settings = rest.slice(Number(count)).map((line) => {
      const [, name = "", value = ""] = /^([^=]*)=(.*)$/s.exec(line) ?? [];
      return [name, value] as const;
    });
    const outcome = runInProcess(rest.slice(0, Number(count)), Object.fromEntries(settings));
    response.end(JSON.stringify(await outcome.catch((error) => ({ status: 1, stdout: "", stderr: error.stack }))));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

export interface DocBlock {
  readonly commands: string;
  /** What the document says that they print, `…` for what it cuts. Undefined: it says nothing. */
  readonly prints: string | undefined;
}

export interface RunOptions {
  /** Shell before the first block, such as functions that stand in for commands. */
  readonly before?: string;
  /** Where the commands run. Default: the root of the repository. */
  readonly folder?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Changes the commands where this machine is not the reader's: a port, say. */
  readonly adapt?: (commands: string) => string;
}

/** Whether what the documents' commands need is installed. */
export const hasTools: boolean = ["bash", "curl", "jq", "gzip", "unzip"].every((tool) => {
  try {
    execFileSync("sh", ["-c", `command -v ${tool}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
});

/** The blocks of shell in a document, each with the block of text right after it. */
export function blocksOf(path: string): DocBlock[] {
  const text = readFileSync(join(root, path), "utf8");
  return [...text.matchAll(/```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?/gs)].map(([, commands = "", prints]) => ({
    commands,
    prints,
  }));
}

/** Runs all blocks and says for each what it printed. Rejects if a command fails. */
export async function runBlocks(blocks: readonly DocBlock[], options: RunOptions = {}): Promise<string[]> {
  const { before = "", environment = {}, adapt = (commands) => commands } = options;
  const parts = blocks.map(({ commands }) => `${adapt(commands)}\necho; echo '${MARK}'`);
  const script = ["set -euo pipefail", NPM, before, ...parts].join("\n");
  await using running = await startCommands();
  const shell = startChild("bash", ["-c", script], {
    cwd: options.folder ?? root,
    env: { NODE_COMPILE_CACHE: COMPILED, ...process.env, ...environment, COMMANDS: running.path },
  });
  let printed = "";
  let complaints = "";
  shell.stdout?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  shell.stderr?.on("data", (chunk: Buffer) => (complaints += chunk.toString()));
  const code = await new Promise((resolve) => shell.on("close", resolve));
  const outputs = printed.split(`\n${MARK}\n`);
  if (code !== 0) {
    const block = blocks[outputs.length - 1]?.commands ?? "";
    throw new Error(`a command failed:\n${block}\n${outputs.at(-1)}\n${complaints}`);
  }
  return outputs.slice(0, -1);
}

/** Whether an output is what a document says, white space at the ends of lines aside. */
export function matches(prints: string, output: string): boolean {
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const plain = (text: string) => text.replace(/\s*\r?\n\s*/g, "\n").trim();
  const pattern = plain(prints)
    .split(/\n?…\n?/)
    .map(literal)
    .join("[^]*?");
  return new RegExp(`^${pattern}$`).test(plain(output));
}
