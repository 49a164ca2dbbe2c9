// The primary's handle of a worker.
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
  /** Resolves when it is listening; never if it exits before. */
  readonly listening: Promise<Listening>;
  readonly ended: Promise<End>;
  readonly #worker: Worker;
  readonly #ready: Promise<void>;

  /** @param gather returns the combined metrics of all workers, when this one requests them */
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

  /** Releases it; resolves when it is ready or has exited. */
  async release(): Promise<void> {
    this.#say({ colloquy: "release" });
    await Promise.race([this.#ready, this.ended]);
  }

  /** Makes it reload the certificate. */
  reload(): void {
    this.#say({ colloquy: "reload" });
  }

  /** Makes it report not ready, but keep serving. */
  leave(): void {
    this.#say({ colloquy: "leave" });
  }

  /** Lets it finish running calls; resolves when it has exited, killed after `timeoutMs`. */
  async stop(timeoutMs: number): Promise<End> {
    this.#say({ colloquy: "stop" });
    const late = setTimeout(() => this.#worker.process.kill("SIGKILL"), timeoutMs);
    const end = await this.ended;
    clearTimeout(late);
    return end;
  }

  #say(message: ToWorker): void {
    // The channel of an exiting worker is closed.
    if (this.#worker.isConnected()) this.#worker.send(message, () => {});
  }
}
