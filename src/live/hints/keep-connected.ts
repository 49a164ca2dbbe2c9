// The part that all transports of hints share: a connection that is opened again whenever it is lost.
import { setTimeout as sleep } from "node:timers/promises";
import { decodeHints, encodeHints } from "./encode.ts";
import type { Hint, HintCarrier } from "./hints.ts";

const RETRY_MS = 1_000;

/** Called by an open connection. */
export interface Listener {
  /** Hints have arrived. */
  received(text: string): void;
  /** Signals have arrived. */
  signalled(text: string): void;
  /** The connection was down for a while: hints may have been lost. */
  missed(): void;
}

/** A connection that listens. */
export interface HintConnection {
  send(text: string): Promise<void>;
  sendSignals(text: string): Promise<void>;
  /** Resolves when the connection is lost for good; rejects with what it was lost by. */
  readonly lost: Promise<void>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  /** Maximum hints in a message. */
  readonly batchSize: number;
  /** Maximum bytes of a message. */
  readonly maxBytes: number;
  /** Called when a connection fails or is lost. */
  readonly onError: (error: unknown) => void;
  /** Resolves once it listens. */
  readonly open: (listener: Listener) => Promise<HintConnection>;
}

/** Transports hints over a connection, which it opens again until it is closed. The start does not wait for it. */
export function keepConnected({ batchSize, maxBytes, onError, open }: ConnectionOptions): HintCarrier {
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopped = Promise.withResolvers<void>();
  let connection: HintConnection | undefined;
  let running: Promise<void> = Promise.resolve();

  async function listen(
    receive: (hints: readonly Hint[] | undefined) => void,
    signalled: (text: string) => void,
  ): Promise<void> {
    const missed = () => receive(undefined);
    const own = await open({ received: (text) => receive(decodeHints(text)), signalled, missed });
    try {
      connection = own;
      // Hints sent while the connection was down are lost.
      receive(undefined);
      await Promise.race([own.lost, stopped.promise]);
    } finally {
      connection = undefined;
      await own.close();
    }
  }

  return {
    batchSize,
    async start(receive, receiveSignals = () => {}) {
      const keepListening = async () => {
        while (!signal.aborted) {
          await listen(receive, receiveSignals).catch(onError);
          await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
        }
      };
      running = keepListening();
    },
    async send(hints) {
      if (connection === undefined) throw new Error("not connected");
      await connection.send(encodeHints(hints));
    },
    signals: {
      maxBytes,
      async send(text) {
        if (connection === undefined) throw new Error("not connected");
        await connection.sendSignals(text);
      },
    },
    async close() {
      stopping.abort();
      stopped.resolve();
      await running;
    },
  };
}
