// A server as `npm start` runs it, with a store of its own in a temporary directory, and the developer's token for it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const PROGRAM = join(import.meta.dirname, "../../dist/program/main.js");

export interface Served {
  readonly url: string;
  /** Of an administrator of the first tenant. */
  readonly token: string;
  close(): Promise<void>;
}

export async function serve(): Promise<Served> {
  const dataDir = await mkdtemp(join(tmpdir(), "colloquy-console-"));
  const { PATH, HOME } = process.env;
  const settings = { COLLOQUY_AGENT_PRIVATE: "yes", COLLOQUY_WEBHOOK_PRIVATE: "yes", COLLOQUY_RATE_LIMITS: "off" };
  const child = spawn(process.execPath, [PROGRAM], {
    env: { PATH, HOME, PORT: "0", COLLOQUY_DATA_DIR: dataDir, ...settings },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const close = async () => {
    if (child.exitCode === null) {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const url = await addressOf(child.stdout);
    const response = await fetch(`${url}/console/developer-token`, { method: "POST", headers: { origin: url } });
    const { token } = (await response.json()) as { token?: string };
    if (token === undefined) throw new Error(`the server gave no token: ${response.status}`);
    return { url, token, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function addressOf(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    const [url] = /http:\/\/[^\s]+/.exec(line) ?? [];
    output.resume();
    if (url !== undefined) return url.replace(/\/$/, "");
  }
  throw new Error("the server ended before it listened");
}
