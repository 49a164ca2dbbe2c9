// The load: wrk and h2load where they are installed, else autocannon for HTTP/1.1.
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import autocannon from "autocannon";
import { idOf } from "./layout.ts";
import { LOAD_CORES, pinned } from "./process.ts";

const run = promisify(execFile);

export const HAS_WRK = spawnSync("wrk", ["-v"]).error === undefined;
export const HAS_H2LOAD = spawnSync("h2load", ["--version"]).error === undefined;

/** What one run of a load gave. */
export interface Rate {
  readonly requests: number;
  readonly perSecond: number;
  /** Answers other than success. */
  readonly failed: number;
}

/** HTTP/1.1 requests that differ only in the number of a conversation, which stands where the template says `{id}`. */
export interface Http1Load {
  readonly port: number;
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The conversation of each request is one of these numbers, both included. */
  readonly numbers: readonly [first: number, last: number];
  readonly connections: number;
  /** Tokens, of which each request has one by chance. Default: what `headers` say. */
  readonly tokens?: readonly string[];
}

export function http1(load: Http1Load, seconds: number, directory: string): Promise<Rate> {
  return HAS_WRK ? wrk(load, seconds, directory) : cannon(load, seconds);
}

async function wrk(load: Http1Load, seconds: number, directory: string): Promise<Rate> {
  mkdirSync(directory, { recursive: true });
  const script = join(directory, "load.lua");
  writeFileSync(script, luaOf(load));
  // It counts whole seconds.
  const duration = `${Math.ceil(seconds)}s`;
  const words = ["wrk", "-t", "1", "-c", String(load.connections), "-d", duration, "-s", script];
  const [command = "", ...rest] = pinned([...words, `http://127.0.0.1:${load.port}`], LOAD_CORES);
  const { stdout } = await run(command, rest);
  const [, requests, took] = /(\d+) requests in ([\d.]+)s/.exec(stdout) ?? [];
  const failed = /Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? "0";
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  if (requests === undefined) throw new Error(`wrk said what is not understood:\n${stdout}`);
  return {
    requests: Number(requests),
    perSecond: Number(requests) / Number(took),
    failed: Number(failed) + broken.reduce((sum, n) => sum + Number(n), 0),
  };
}

/** Ids are written in Lua as `idOf` writes them. */
function luaOf({ method, path, headers, body, numbers: [first, last], tokens = [] }: Http1Load): string {
  const fill = (text: string) => `(string.gsub(${JSON.stringify(text)}, "{id}", id))`;
  const prefix = idOf("conversation", 0).slice(0, -11);
  return `
wrk.method = "${method}"
${Object.entries(headers)
  .map(([name, value]) => `wrk.headers["${name}"] = ${JSON.stringify(value)}`)
  .join("\n")}
local tokens = {${tokens.map((token) => JSON.stringify(token)).join(", ")}}
request = function()
  if #tokens > 0 then wrk.headers["authorization"] = "Bearer " .. tokens[math.random(#tokens)] end
  local id = "${prefix}" .. string.format("%011x", math.random(${first}, ${last}))
  return wrk.format(nil, ${fill(path)}, nil, ${body === undefined ? "nil" : fill(body)})
end
`;
}

async function cannon(load: Http1Load, seconds: number): Promise<Rate> {
  const [first, last] = load.numbers;
  const result = await autocannon({
    url: `http://127.0.0.1:${load.port}`,
    connections: load.connections,
    duration: seconds,
    requests: Array.from({ length: 200 }, () => {
      const id = idOf("conversation", first + Math.floor(Math.random() * (last - first + 1)));
      const { method, tokens = [] } = load;
      const token = tokens[Math.floor(Math.random() * tokens.length)];
      const headers = { ...load.headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
      const filled = { method, headers, path: load.path.replaceAll("{id}", id) };
      return load.body === undefined ? filled : { ...filled, body: load.body.replaceAll("{id}", id) };
    }),
  });
  const requests = result["2xx"] + result.non2xx;
  return { requests, perSecond: requests / result.duration, failed: result.non2xx + result.errors };
}

export interface GrpcLoad {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The one message, without its frame. */
  readonly message: Uint8Array;
  readonly connections: number;
  readonly streams: number;
}

/**
 * Every request is the same: h2load knows no others. It sees no trailers, so what a call gives is checked beforehand.
 */
export async function grpc(load: GrpcLoad, seconds: number, directory: string): Promise<Rate> {
  mkdirSync(directory, { recursive: true });
  const data = join(directory, "message.bin");
  const head = Buffer.alloc(5);
  head.writeUInt32BE(load.message.byteLength, 1);
  writeFileSync(data, Buffer.concat([head, load.message]));
  const headers = { "content-type": "application/grpc", te: "trailers", ...load.headers };
  const words = [
    ...["h2load", "-t", "1", "-c", String(load.connections), "-m", String(load.streams), "-D", String(seconds)],
    ...["-d", data, ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`])],
    `http://127.0.0.1:${load.port}${load.path}`,
  ];
  const [command = "", ...rest] = pinned(words, LOAD_CORES);
  const { stdout } = await run(command, rest);
  const [, perSecond] = /finished in [\d.]+m?s, ([\d.]+) req\/s/.exec(stdout) ?? [];
  const [, succeeded, failed] = /(\d+) succeeded, (\d+) failed/.exec(stdout) ?? [];
  if (perSecond === undefined) throw new Error(`h2load said what is not understood:\n${stdout}`);
  return { requests: Number(succeeded), perSecond: Number(perSecond), failed: Number(failed) };
}
