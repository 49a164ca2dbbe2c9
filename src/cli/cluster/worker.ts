// A worker's channel to its primary.
import { AggregatorRegistry, type Registry } from "prom-client";
import type { Listening } from "../../server/listening.ts";
import { isOurs, type ToPrimary, type ToWorker } from "./messages.ts";

export interface Primary {
  /** Sets what a reload does. */
  onReload(reload: () => void): void;
  /** Aborts when the workers must report not ready. */
  readonly leaving: AbortSignal;
  /** Aborts when the primary stops its workers. If the primary dies, Node ends them at once. */
  readonly stopped: AbortSignal;
  /** Reports that this worker is listening; resolves when it is released. */
  listening(listening: Listening): Promise<void>;
  /** Reports that it is ready. */
  ready(): void;
  /** Lets the primary collect a registry; returns a function that requests the combined text of all workers. */
  gather(own: Registry): () => Promise<string>;
}

/** For workers only. */
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
      // Responds to the primary's collector, with messages of its own.
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
