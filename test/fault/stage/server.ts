// Colloquy as a process of its own that can be killed and started again at the same address.

import { type Outcome, type RunningServer, startServer } from "../../support/servers/process.ts";
import { freePort } from "../../support/services/free-port.ts";

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
