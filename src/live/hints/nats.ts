// Transports hints over NATS.
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { decodeHints, encodeHints } from "./encode.ts";
import type { Hint, HintCarrier } from "./hints.ts";

const SUBJECT = "colloquy.hints";
/** A message of about 46 KiB, far below NATS's default limit of 1 MiB. */
const BATCH = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;

export interface NatsHintsOptions {
  /** `nats://host:4222`, with user and password, or a token, if the server requires them. */
  readonly url: string;
  /** Called when a connection fails or is lost; it is then opened again. */
  readonly onError: (error: unknown) => void;
}

export function createNatsHints({ url, onError }: NatsHintsOptions): HintCarrier {
  const stopping = new AbortController();
  let connection: NatsConnection | undefined;
  let running: Promise<void> = Promise.resolve();

  /** Runs one connection, which the library reopens when it is lost. Resolves when it is closed for good. */
  async function listen(receive: (hints: readonly Hint[] | undefined) => void): Promise<void> {
    // Imported only if NATS is configured.
    const { connect } = await import("@nats-io/transport-node");
    const { host, username, password } = new URL(url);
    const user = decodeURIComponent(username);
    const own = await connect({
      servers: host,
      name: "colloquy",
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      ...(user !== "" && password === "" ? { token: user } : {}),
      ...(password === "" ? {} : { user, pass: decodeURIComponent(password) }),
    });
    if (stopping.signal.aborted) return own.close();
    connection = own;
    own.subscribe(SUBJECT, {
      callback: (error, message) => (error ? onError(error) : receive(decodeHints(message.string()))),
    });
    void (async () => {
      for await (const status of own.status()) {
        if (status.type === "disconnect") onError(new Error("the connection to NATS is lost"));
        // Hints sent while the connection was down are lost.
        if (status.type === "reconnect") receive(undefined);
      }
    })();
    receive(undefined);
    const error = await own.closed();
    connection = undefined;
    if (error instanceof Error) throw error;
  }

  return {
    batchSize: BATCH,
    async start(receive) {
      // The start does not wait for a NATS server that is unavailable.
      const keepListening = async () => {
        while (!stopping.signal.aborted) {
          await listen(receive).catch(onError);
          await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {});
        }
      };
      running = keepListening();
    },
    async send(hints) {
      if (connection === undefined) throw new Error("not connected");
      connection.publish(SUBJECT, encodeHints(hints));
    },
    async close() {
      stopping.abort();
      await connection?.close();
      await running;
    },
  };
}
