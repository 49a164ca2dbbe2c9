// Stands between clients and a server, whatever they speak: delays, cuts, freezes.
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "../stage/random.ts";

/** What is done to the lines; each may change at any time. */
export interface LineFaults {
  /** How likely a line is cut as the server's answer comes: what was asked is done, nobody is told. */
  cutAnswer: number;
  /** How likely a line is cut as a request comes: the server gets a part of it, or nothing. */
  cutRequest: number;
  /** Milliseconds that each piece takes longer, each way. */
  delayMs: number;
  /** Nothing passes any more, and nothing is closed. */
  frozen: boolean;
}

export interface LineProxy extends AsyncDisposable {
  readonly url: string;
  readonly faults: LineFaults;
  readonly cuts: { answers: number; requests: number };
  cutAll(): void;
}

export async function startLineProxy(targetPort: number, random: Random): Promise<LineProxy> {
  const sockets = new Set<Socket>();
  const faults: LineFaults = { cutAnswer: 0, cutRequest: 0, delayMs: 0, frozen: false };
  const cuts = { answers: 0, requests: 0 };

  const server = createServer((client) => {
    const upstream = connect(targetPort, "127.0.0.1");
    const cut = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        cut();
      });
    }
    const pass = (
      from: Socket,
      to: Socket,
      onCut: () => void,
      likely: () => number,
      part: (size: number) => number,
    ) => {
      let before: Promise<void> = Promise.resolve();
      from.on("data", (chunk: Buffer) => {
        if (faults.frozen) return;
        if (random.chance(likely())) {
          onCut();
          to.write(chunk.subarray(0, part(chunk.length)));
          return cut();
        }
        before = before.then(async () => {
          if (faults.delayMs > 0) await delay(faults.delayMs);
          if (!to.destroyed) to.write(chunk);
        });
      });
    };
    pass(
      client,
      upstream,
      () => cuts.requests++,
      () => faults.cutRequest,
      (size) => random.below(size),
    );
    pass(
      upstream,
      client,
      () => cuts.answers++,
      () => faults.cutAnswer,
      () => 0,
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    faults,
    cuts,
    cutAll,
    async [Symbol.asyncDispose]() {
      server.close();
      cutAll();
    },
  };
}
