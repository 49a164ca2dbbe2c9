// Stands between a server and its PostgreSQL, and breaks the line at the worst moments.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../stage/random.ts";
import { PostgresLine } from "./postgres-line.ts";

/** What is done to the line; each may change at any time. */
export interface DatabaseFaults {
  /** How likely an answer to a committed change is kept back and the line cut: the change is made, nobody is told. */
  cutAfterCommit: number;
  /** How likely a statement never arrives: the line is cut as it comes. */
  cutBefore: number;
  /** Milliseconds that each answer takes longer. */
  delayMs: number;
  /** Nothing passes any more, either way, and nothing is closed: the other end seems alive. */
  frozen: boolean;
}

export interface DatabaseProxy extends AsyncDisposable {
  /** The database's URL by way of the proxy. */
  readonly url: string;
  readonly faults: DatabaseFaults;
  /** How often a line was cut after a commit, and before a statement. */
  readonly cuts: { afterCommit: number; before: number };
  /** Connections open now. */
  readonly open: number;
  /** Cuts every connection. */
  cutAll(): void;
}

/** @param url of a database behind a Unix socket */
export async function startDatabaseProxy(url: string, random: Random): Promise<DatabaseProxy> {
  const target = new URL(url.replace("@/", "@localhost/"));
  const socketPath = `${target.searchParams.get("host")}/.s.PGSQL.${target.searchParams.get("port")}`;
  const sockets = new Set<Socket>();
  const faults: DatabaseFaults = { cutAfterCommit: 0, cutBefore: 0, delayMs: 0, frozen: false };
  const cuts = { afterCommit: 0, before: 0 };

  const server = createServer((client) => {
    const upstream = connect(socketPath);
    const line = new PostgresLine();
    let answers: Promise<void> = Promise.resolve();
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        cut();
      });
    }
    client.on("data", (chunk: Buffer) => {
      if (faults.frozen) return;
      line.sent(chunk);
      if (!line.cancels && random.chance(faults.cutBefore)) {
        cuts.before++;
        return cut();
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      if (faults.frozen) return;
      for (const { bytes, committed } of line.answered(chunk)) {
        if (committed && random.chance(faults.cutAfterCommit)) {
          cuts.afterCommit++;
          return cut();
        }
        answers = answers.then(async () => {
          if (faults.delayMs > 0) await delay(faults.delayMs);
          if (!client.destroyed) client.write(bytes);
        });
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `postgresql://${target.username}:${target.password}@127.0.0.1:${port}${target.pathname}?sslmode=disable`,
    faults,
    cuts,
    get open() {
      return sockets.size / 2;
    },
    cutAll,
    async [Symbol.asyncDispose]() {
      server.close();
      cutAll();
    },
  };
}
