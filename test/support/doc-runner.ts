// Runs what a document shows: its shell commands in order, in one shell, and compares what they print with what it
// says.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { startChild } from "./child.ts";
import { COMPILED } from "./process.ts";

const root = join(import.meta.dirname, "../..");
const MARK = "=== the end of the block";
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: { colloquy: string } };
/** Runs Colloquy as npm does, which takes nearly as much of a processor as what it runs; and npm for all else. */
const NPM = `as_npm() {
  case "$*" in
    "run -s colloquy -- "*) shift 4; (cd '${root}'; PATH='${dirname(process.execPath)}':"$PATH"; exec ${scripts.colloquy} "$@") ;;
    *) command npm "$@" ;;
  esac
}
npm() { as_npm "$@"; }`;

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
  const shell = startChild("bash", ["-c", script], {
    cwd: options.folder ?? root,
    env: { NODE_COMPILE_CACHE: COMPILED, ...process.env, ...environment },
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
