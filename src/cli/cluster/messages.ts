// What the primary and its workers say to each other.
import type { Listening } from "../../server/listening.ts";

export type ToPrimary =
  /** The worker listens; it is ready when it is released. */
  | { readonly colloquy: "listening"; readonly listening: Listening }
  /** The worker, released, has become ready. */
  | { readonly colloquy: "ready" }
  /** Asks for the metrics of all workers together. */
  | { readonly colloquy: "gather"; readonly id: number };

export type ToWorker =
  /** Everything that all workers need is there. */
  | { readonly colloquy: "release" }
  /** Read the certificate anew. */
  | { readonly colloquy: "reload" }
  /** Say that you are not ready, but go on. */
  | { readonly colloquy: "leave" }
  /** Finish what is in flight, then end. */
  | { readonly colloquy: "stop" }
  | { readonly colloquy: "gathered"; readonly id: number; readonly text: string | undefined };

/** Others use the same line: Node itself, and the metrics. */
export function isOurs<T extends ToPrimary | ToWorker>(message: unknown): message is T {
  return typeof message === "object" && message !== null && "colloquy" in message;
}
