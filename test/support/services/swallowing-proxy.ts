// A proxy in front of a server that loses responses: the server has answered, and its client never hears of it.
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";

export interface SwallowingProxy {
  readonly url: string;
  /** Loses so many of the next responses, each with its connection. */
  lose(count: number): void;
  /** How many were lost so far. */
  readonly lost: number;
  close(): Promise<void>;
}

export async function startSwallowingProxy(target: string): Promise<SwallowingProxy> {
  let [toLose, lost] = [0, 0];
  const server = createServer((client) => {
    const upstream = connect(Number(new URL(target).port), "127.0.0.1");
    client.on("error", () => {});
    upstream.on("error", () => {});
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    client.pipe(upstream);
    upstream.on("data", (data: Buffer) => {
      if (toLose === 0) {
        client.write(data);
        return;
      }
      toLose--;
      lost++;
      client.resetAndDestroy();
      upstream.resetAndDestroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lose(count) {
      toLose = count;
    },
    get lost() {
      return lost;
    },
    close: async () => {
      server.close();
    },
  };
}
