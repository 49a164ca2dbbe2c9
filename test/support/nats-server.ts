// The part of a NATS server that publishing and subscribing need.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface FakeNats {
  readonly url: string;
  /** How many messages came. */
  readonly published: () => number;
  /** Loses every connection. */
  cut(): void;
  close(): Promise<void>;
}

/** @param port 0: a free one */
export async function startFakeNats(port = 0): Promise<FakeNats> {
  const clients = new Map<Socket, Map<string, string>>();
  let published = 0;
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
          published++;
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
  const cut = () => {
    for (const socket of clients.keys()) socket.destroy();
  };
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    published: () => published,
    cut,
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
