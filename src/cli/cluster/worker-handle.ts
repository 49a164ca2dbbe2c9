// A worker as the primary has it.
import type { Worker } from "node:cluster";
import type { Listening } from "../../server/listening.ts";
import { isOurs, type ToPrimary, type ToWorker } from "./messages.ts";

export interface End {
  readonly status: number | null;
  readonly signal: string | null;
  readonly livedMs: number;
}

export class WorkerHandle {
  readonly pid: number | undefined;
  /** Resolves when it listens; never if it ends before. */
  readonly listening: Promise<Listening>;
  readonly ended: Promise<End>;
  readonly #worker: Worker;
  readonly #ready: Promise<void>;

  /** @param gather the metrics of all workers together, whenever this one asks for them */
  constructor(worker: Worker, gather: () => Promise<string>) {
    this.#worker = worker;
    this.pid = worker.process.pid;
    const begun = performance.now();
    this.ended = new Promise((resolve) => {
      worker.once("exit", (status, signal) => resolve({ status, signal, livedMs: performance.now() - begun }));
    });
    const listening = Promise.withResolvers<Listening>();
    const ready = Promise.withResolvers<void>();
    this.listening = listening.promise;
    this.#ready = ready.promise;
    worker.on("message", (message: unknown) => {
      if (!isOurs<ToPrimary>(message)) return;
      if (message.colloquy === "listening") listening.resolve(message.listening);
      else if (message.colloquy === "ready") ready.resolve();
      else this.#answer(message.id, gather);
    });
  }

  async #answer(id: number, gather: () => Promise<string>): Promise<void> {
    const text = await gather().catch(() => undefined);
    this.#say({ colloquy: "gathered", id, text });
  }

  /** Lets it become ready; resolves when it is, or has ended. */
  async release(): Promise<void> {
    this.#say({ colloquy: "release" });
    await Promise.race([this.#ready, this.ended]);
  }

  /** Lets it read the certificate anew. */
  reload(): void {
    this.#say({ colloquy: "reload" });
  }

  /** Lets it say that it is not ready, and go on. */
  leave(): void {
    this.#say({ colloquy: "leave" });
  }

  /** Lets it finish what is in flight; resolves when it has ended, killed after so long. */
  async stop(timeoutMs: number): Promise<void> {
    this.#say({ colloquy: "stop" });
    const late = setTimeout(() => this.#worker.process.kill("SIGKILL"), timeoutMs);
    await this.ended;
    clearTimeout(late);
  }

  #say(message: ToWorker): void {
    // One that is ending has hung up.
    if (this.#worker.isConnected()) this.#worker.send(message, () => {});
  }
}
