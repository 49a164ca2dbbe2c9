// A proxy in front of a server that cuts connections when a test asks for it.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The bytes that a line has carried, from the client and to it. */
export interface Carried {
  readonly up: number;
  readonly down: number;
}

export interface CuttingProxy {
  readonly url: string;
  /**
   * Cuts every line that is open now, in the middle of whatever it carries, or those that `wanted` picks. Answers how
   * many.
   */
  cut(wanted?: (carried: Carried) => boolean): number;
  close(): Promise<void>;
}

/** @param target the server, asked for each new line, so that a test can spread lines over servers */
export async function startCuttingProxy(target: () => string): Promise<CuttingProxy> {
  const lines = new Map<Socket, Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(target()).port), "127.0.0.1");
    lines.set(client, upstream);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      socket.on("error", () => {});
      socket.on("close", () => {
        lines.delete(client);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut: CuttingProxy["cut"] = (wanted = () => true) => {
    const found = [...lines].filter(([{ bytesRead: up }, { bytesRead: down }]) => wanted({ up, down }));
    for (const [line] of found) line.resetAndDestroy();
    return found.length;
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
