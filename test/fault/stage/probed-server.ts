// A server of one's own that can be asked what it holds, and whose clock can be set.
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type OwnServer, startOwnServer } from "./server.ts";

/** What a process holds once its garbage is collected. */
export interface Held {
  /** In bytes. */
  readonly rss: number;
  readonly heapUsed: number;
  /** Outside the heap, but owned by what is in it: buffers, sessions of HTTP/2. */
  readonly external: number;
  /** File descriptors. */
  readonly files: number;
  /** Timers, sockets and the like that keep it alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

export interface ProbedServer extends OwnServer {
  held(): Promise<Held>;
  /** Sets its clock forward, or back, from the true time. In milliseconds. */
  shiftClock(milliseconds: number): Promise<void>;
}

export async function startProbedServer(settings: Readonly<Record<string, string>>): Promise<ProbedServer> {
  const directory = await mkdtemp(join(tmpdir(), "colloquy-probe-"));
  const socketPath = join(directory, "probe");
  const probe = pathToFileURL(join(import.meta.dirname, "probe.ts")).href;
  const server = await startOwnServer({
    COLLOQUY_DATA_DIR: directory,
    ...settings,
    PROBE_SOCKET: socketPath,
    NODE_OPTIONS: `--import=${probe}`,
  });
  return {
    url: server.url,
    port: server.port,
    get pid() {
      return server.pid;
    },
    get ended() {
      return server.ended;
    },
    signal: (name) => server.signal(name),
    restart: () => server.restart(),
    held: async () => JSON.parse(await ask(socketPath, "/held")) as Held,
    async shiftClock(milliseconds) {
      await ask(socketPath, `/clock?shift=${milliseconds}`);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => resolve(text));
    });
    asked.on("error", reject).end();
  });
}
