// A proxy in front of PostgreSQL that breaks connections when a test asks for it.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface BreakingProxy {
  /** The database's URL by way of the proxy. */
  readonly url: string;
  /** Drops both ends as soon as PostgreSQL has answered a query whose text holds `text`, keeping the answer back. */
  cutAnswerTo(text: string): void;
  close(): Promise<void>;
}

/** @param url of a database behind a Unix socket */
export async function startProxy(url: string): Promise<BreakingProxy> {
  const target = new URL(url.replace("@/", "@localhost/"));
  const socketPath = `${target.searchParams.get("host")}/.s.PGSQL.${target.searchParams.get("port")}`;
  const sockets = new Set<Socket>();
  let cut: string | undefined;

  const server = createServer((client) => {
    const upstream = connect(socketPath);
    let cutting = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => {
      if (cut !== undefined && chunk.includes(cut)) {
        cutting = true;
        cut = undefined;
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (cutting) client.destroy();
      else client.write(chunk);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  return {
    url: `postgresql://${target.username}:${target.password}@127.0.0.1:${port}${target.pathname}?sslmode=disable`,
    cutAnswerTo(text) {
      cut = text;
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
