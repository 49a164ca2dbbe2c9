// A worker's line to its primary.
import { AggregatorRegistry, type Registry } from "prom-client";
import type { Listening } from "../../server/listening.ts";
import { isOurs, type ToPrimary, type ToWorker } from "./messages.ts";

export interface Primary {
  /** What the primary's word to read the certificate anew does. */
  onReload(reload: () => void): void;
  /** Aborts when all workers are to say that they are not ready. */
  readonly leaving: AbortSignal;
  /** Aborts when the primary asks to stop. If the primary dies, Node ends its workers at once. */
  readonly stopped: AbortSignal;
  /** Says that this worker listens; resolves when it may call itself ready. */
  listening(listening: Listening): Promise<void>;
  /** Says that it is. */
  ready(): void;
  /** Lets the primary collect what a registry holds; makes what asks it for the text of all workers' together. */
  gather(own: Registry): () => Promise<string>;
}

/** For workers alone. */
export function connectToPrimary(): Primary {
  let reload = () => {};
  const leave = new AbortController();
  const stop = new AbortController();
  const asked = new Map<number, { resolve(text: string): void; reject(error: Error): void }>();
  const released = Promise.withResolvers<void>();
  let lastId = 0;

  process.on("message", (message) => {
    if (!isOurs<ToWorker>(message)) return;
    if (message.colloquy === "release") released.resolve();
    else if (message.colloquy === "reload") reload();
    else if (message.colloquy === "leave") leave.abort();
    else if (message.colloquy === "stop") stop.abort();
    else {
      const { id, text } = message;
      if (text === undefined) asked.get(id)?.reject(new Error("a worker did not tell its metrics"));
      else asked.get(id)?.resolve(text);
      asked.delete(id);
    }
  });
  return {
    onReload(what) {
      reload = what;
    },
    leaving: leave.signal,
    stopped: stop.signal,
    listening(listening) {
      say({ colloquy: "listening", listening });
      return Promise.race([
        released.promise,
        new Promise<void>((end) => stop.signal.addEventListener("abort", () => end())),
      ]);
    },
    ready: () => say({ colloquy: "ready" }),
    gather(own) {
      AggregatorRegistry.setRegistries(own);
      // Answers the primary's collector, by a line of its own.
      new AggregatorRegistry();
      return () =>
        new Promise((resolve, reject) => {
          const id = ++lastId;
          asked.set(id, { resolve, reject });
          say({ colloquy: "gather", id });
        });
    },
  };
}

function say(message: ToPrimary): void {
  process.send?.(message);
}
