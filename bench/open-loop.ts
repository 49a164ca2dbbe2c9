// An open loop: requests come at a given rate whether or not those before are answered. By h2load, over HTTP/2.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { LOAD_CORES, pinned } from "./process.ts";

const run = promisify(execFile);

export interface OpenLoad {
  readonly port: number;
  /** Taken in turn. */
  readonly paths: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly connections: number;
  /** Requests under way at once on each connection, at most. */
  readonly streams: number;
  /** All connections together. Undefined: a closed loop, each answer brings the next request. */
  readonly perSecond: number | undefined;
}

export interface Answered {
  readonly status: number;
  /** From the request to the end of its answer. */
  readonly ms: number;
}

export interface OpenRate {
  readonly answers: readonly Answered[];
  /** In which those came. */
  readonly seconds: number;
  /** How many were answered with the first second. */
  readonly all: number;
}

/** What is answered after the first second, which is for warming up. */
export async function openLoop(load: OpenLoad, seconds: number, directory: string): Promise<OpenRate> {
  mkdirSync(directory, { recursive: true });
  const [log, uris, body] = ["open.log", "open.uris", "open.body"].map((name) => join(directory, name)) as [
    ...[string, string, string],
  ];
  rmSync(log, { force: true });
  writeFileSync(uris, load.paths.map((path) => `http://127.0.0.1:${load.port}${path}\n`).join(""));
  writeFileSync(body, load.body);
  const { connections, streams, perSecond } = load;
  const words = [
    ...["h2load", "-t", "1", "-c", String(connections), "-m", String(streams), "-D", String(seconds + 1)],
    ...(perSecond === undefined ? [] : ["--rps", String(Math.round(perSecond / connections))]),
    ...["-i", uris, "-d", body, `--log-file=${log}`],
    ...Object.entries(load.headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
  ];
  const [command = "", ...rest] = pinned(words, LOAD_CORES);
  await run(command, rest, { maxBuffer: 2 ** 26 });
  const all = readFileSync(log, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [start = 0, status = 0, took = 0] = line.split("\t").map(Number);
      return { end: start + took, status, ms: took / 1000 };
    });
  const begin = (all[0]?.end ?? 0) + 1_000_000;
  return {
    answers: all.filter(({ end }) => end >= begin && end < begin + seconds * 1_000_000),
    seconds,
    all: all.length,
  };
}
