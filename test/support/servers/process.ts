// Colloquy as a separate process, as a user starts it.
import type { ChildProcess } from "node:child_process";
import { on, once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startChild } from "../run/child.ts";
import { RUN_MARK } from "../run/leftovers.ts";

const SOURCES = join(import.meta.dirname, "../../../src/main.ts");
/** In the whole run what was built, else the sources. */
const MAIN = process.env.TEST_PROGRAM ?? SOURCES;

/** Here Node keeps what it has compiled: each process would take most of a second of a processor for it. */
export const COMPILED = join(import.meta.dirname, "../../../node_modules/.cache/compiled");

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningServer {
  readonly pid: number;
  /** Resolves with the first line on standard output, which says that the server is ready. */
  readonly ready: Promise<string>;
  /** Resolves once the log says this. */
  logs(text: string): Promise<void>;
  /** The lines of the log from now on. */
  lines(): AsyncIterable<Record<string, unknown>>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Outcome>;
}

export type Environment = Readonly<Record<string, string>>;

/** Nothing of the environment of the tests but what a process needs. */
function environmentOf(settings: Environment): NodeJS.ProcessEnv {
  const { PATH, HOME, [RUN_MARK]: mark } = process.env;
  return { PATH, HOME, NODE_COMPILE_CACHE: COMPILED, [RUN_MARK]: mark, ...settings };
}

function start(words: readonly string[], settings: Environment, program = MAIN): ChildProcess {
  return startChild(process.execPath, [program, ...words], {
    env: environmentOf(settings),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const [status] = await once(child, "close");
  return { status, stdout, stderr };
}

/** Runs `colloquy` with these words until it ends. */
export function runColloquy(words: readonly string[], settings: Environment = {}): Promise<Outcome> {
  return outcomeOf(start(words, settings));
}

/** The same, in any case from the sources. */
export function runSources(words: readonly string[], settings: Environment): Promise<Outcome> {
  return outcomeOf(start(words, settings, SOURCES));
}

/** Starts `colloquy` with these words. The test ends it. */
export function startColloquy(words: readonly string[], settings: Environment): ChildProcess {
  return start(words, settings);
}

/** The same where whoever was to read standard output has gone. */
export function runUnread(words: readonly string[], settings: Environment = {}): Promise<Outcome> {
  const child = start(words, settings);
  child.stdout?.destroy();
  return outcomeOf(child);
}

/** Starts `colloquy serve`. The test ends it. */
export function startServer(settings: Environment): RunningServer {
  return watch(start(["serve"], settings));
}

/** The same, in any case from the sources. */
export function startServerFromSources(settings: Environment): RunningServer {
  return watch(start(["serve"], settings, SOURCES));
}

/** Starts a program of test/support that stands in for `colloquy`. The test ends it. */
export function startProgram(name: string, settings: Environment): RunningServer {
  return watch(start([], settings, join(import.meta.dirname, name)));
}

/** Of what a server has logged and nobody has waited for, in characters. */
const MAX_UNREAD = 1_000_000;

function watch(child: ChildProcess): RunningServer {
  const ended = outcomeOf(child);
  const ready = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).once("line", resolve);
    ended.then(({ status, stderr }) => reject(new Error(`the server ended with status ${status}: ${stderr}`)));
  });
  ready.catch(() => {});
  // What came with the line that was waited for last is not over: two lines may come in one piece.
  let unread = "";
  child.stderr?.on("data", (chunk) => {
    unread = (unread + String(chunk)).slice(-MAX_UNREAD);
  });
  const said = (text: string) => {
    const place = unread.indexOf(text);
    if (place >= 0) unread = unread.slice(place + text.length);
    return place >= 0;
  };
  const logs = async (text: string) => {
    if (said(text)) return;
    for await (const _ of on(child.stderr as NodeJS.ReadableStream, "data", { close: ["close"] })) {
      if (said(text)) return;
    }
    throw new Error(`the log does not say: ${text}`);
  };
  async function* lines() {
    let rest = "";
    for await (const [chunk] of on(child.stderr as NodeJS.ReadableStream, "data", { close: ["close"] })) {
      const [last = "", ...whole] = (rest + String(chunk)).split("\n").toReversed();
      rest = last;
      for (const line of whole.toReversed()) yield JSON.parse(line) as Record<string, unknown>;
    }
  }
  return { pid: child.pid as number, ready, logs, lines, signal: (name) => child.kill(name), ended };
}
