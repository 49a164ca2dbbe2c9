// Colloquy as a process of its own that can be killed and started again at the same address.
import { createServer as createListener } from "node:net";
import { type Outcome, type RunningServer, startServer } from "../../support/process.ts";

export interface OwnServer extends AsyncDisposable {
  /** Stays the same from start to start. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** How the running process ends. */
  readonly ended: Promise<Outcome>;
  /** Starts it again; it must have ended. */
  restart(): Promise<void>;
}

/** Takes some 2 s. `settings` are environment variables, such as DATABASE_URL. */
export async function startOwnServer(settings: Readonly<Record<string, string>>): Promise<OwnServer> {
  const port = await freePort();
  const environment = {
    COLLOQUY_COMPAT: "",
    COLLOQUY_RATE_LIMITS: "off",
    LOG_LEVEL: "error",
    ...settings,
    PORT: String(port),
  };
  let running: RunningServer = startServer(environment);
  await running.ready;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    get pid() {
      return running.pid;
    },
    get ended() {
      return running.ended;
    },
    signal: (name) => running.signal(name),
    async restart() {
      await running.ended;
      running = startServer(environment);
      await running.ready;
    },
    async [Symbol.asyncDispose]() {
      running.signal("SIGKILL");
      await running.ended;
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const listener = createListener().listen(0, "127.0.0.1");
  await new Promise((resolve) => listener.once("listening", resolve));
  const { port } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return port;
}
