// A proxy in front of a server that cuts connections when a test asks for it.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CuttingProxy {
  readonly url: string;
  /** Cuts every line that is open now, in the middle of whatever it carries. Answers how many there were. */
  cut(): number;
  close(): Promise<void>;
}

/** @param target the server, asked for each new line, so that a test can spread lines over servers */
export async function startCuttingProxy(target: () => string): Promise<CuttingProxy> {
  const lines = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(target()).port), "127.0.0.1");
    lines.add(client);
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
  const cut = () => {
    const count = lines.size;
    for (const line of lines) line.resetAndDestroy();
    return count;
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
