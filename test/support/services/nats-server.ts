// NATS servers for tests: Debian's, and the part of one that publishing and subscribing need.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { startChild } from "../run/child.ts";
import { freePort } from "./free-port.ts";

export interface FakeNats {
  readonly url: string;
  /** Loses every connection, after saying this error on each. */
  cut(error?: string): void;
  close(): Promise<void>;
}

/** @param port 0: a free one */
export async function startFakeNats(port = 0): Promise<FakeNats> {
  const clients = new Map<Socket, Map<string, string>>();
  const server = createServer((socket) => {
    clients.set(socket, new Map());
    socket.on("error", () => {});
    socket.on("close", () => clients.delete(socket));
    socket.write(
      `INFO ${JSON.stringify({ server_id: "fake", version: "2.10.0", max_payload: 1_048_576, proto: 1 })}\r\n`,
    );
    let buffered = "";
    socket.on("data", (chunk: Buffer) => {
      buffered += chunk.toString("latin1");
      for (;;) {
        const end = buffered.indexOf("\r\n");
        if (end === -1) return;
        const [verb = "", subject = "", ...rest] = buffered.slice(0, end).split(" ");
        let length = end + 2;
        if (verb === "PING") socket.write("PONG\r\n");
        if (verb === "SUB") clients.get(socket)?.set(rest.at(-1) ?? "", subject);
        if (verb === "PUB") {
          const size = Number(rest.at(-1));
          if (buffered.length < length + size + 2) return;
          const payload = buffered.slice(length, length + size);
          length += size + 2;
          for (const [other, subscriptions] of clients) {
            for (const [id, wanted] of subscriptions) {
              if (wanted === subject) other.write(`MSG ${subject} ${id} ${size}\r\n${payload}\r\n`, "latin1");
            }
          }
        }
        buffered = buffered.slice(length);
      }
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const cut = (error?: string) => {
    for (const socket of clients.keys()) {
      if (error === undefined) socket.destroy();
      else socket.end(`-ERR '${error}'\r\n`);
    }
  };
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const NATS = ["/usr/sbin/nats-server", "/usr/bin/nats-server"].find((path) => existsSync(path));

/** Whether Debian's nats-server is installed. */
export const HAS_NATS = NATS !== undefined;
if (!HAS_NATS) process.stderr.write("nats-server is not installed: a fake takes its place, or its tests are skipped\n");

export interface RealNats extends AsyncDisposable {
  readonly port: number;
  /** Kills it, and starts it again on its port. */
  restart(): Promise<void>;
  kill(): Promise<void>;
  start(): void;
}

/** Debian's nats-server with these words on its command line. */
export async function startNats(...words: readonly string[]): Promise<RealNats> {
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = () => {
    child = startChild(NATS ?? "", ["-a", "127.0.0.1", "-p", String(port), ...words], { stdio: "ignore" });
  };
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "close");
    child.kill("SIGKILL");
    await ended;
  };
  start();
  return {
    port,
    kill,
    start,
    async restart() {
      await kill();
      start();
    },
    [Symbol.asyncDispose]: kill,
  };
}

/** What stands for NATS in tests of hints: Debian's where it is installed, else the fake. */
export async function startAnyNats(): Promise<Pick<FakeNats, "url" | "close">> {
  if (!HAS_NATS) return startFakeNats();
  const { port, kill } = await startNats();
  return { url: `nats://127.0.0.1:${port}`, close: kill };
}
