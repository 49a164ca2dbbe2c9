// The messages between the primary and its workers.
import type { Listening } from "../../server/listening.ts";

export type ToPrimary =
  /** The worker is listening; it becomes ready when it is released. */
  | { readonly colloquy: "listening"; readonly listening: Listening }
  /** The released worker is ready. */
  | { readonly colloquy: "ready" }
  /** Requests the combined metrics of all workers. */
  | { readonly colloquy: "gather"; readonly id: number };

export type ToWorker =
  /** Allows the worker to become ready. */
  | { readonly colloquy: "release" }
  /** Reload the certificate. */
  | { readonly colloquy: "reload" }
  /** Report not ready, but keep serving. */
  | { readonly colloquy: "leave" }
  /** Finish running calls, then exit. */
  | { readonly colloquy: "stop" }
  | { readonly colloquy: "gathered"; readonly id: number; readonly text: string | undefined };

/** Node and prom-client use the same channel. */
export function isOurs<T extends ToPrimary | ToWorker>(message: unknown): message is T {
  return typeof message === "object" && message !== null && "colloquy" in message;
}
