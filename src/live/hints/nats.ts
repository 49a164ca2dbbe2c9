// Carries hints by NATS.
import { setTimeout as sleep } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { decodeHints, encodeHints } from "./encode.ts";
import type { Hint, HintCarrier } from "./hints.ts";

const SUBJECT = "colloquy.hints";
/** A message of some 46 KiB, far below the 1 MiB that a NATS server takes unless told otherwise. */
const BATCH = 1_000;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;

export interface NatsHintsOptions {
  /** `nats://host:4222`, with user and password or a token where the server wants them. */
  readonly url: string;
  /** Told when the connection cannot be had, or is lost; it is made anew. */
  readonly onError: (error: unknown) => void;
}

export function createNatsHints({ url, onError }: NatsHintsOptions): HintCarrier {
  const stopping = new AbortController();
  let connection: NatsConnection | undefined;
  let running: Promise<void> = Promise.resolve();

  /** One life of the connection, which the library makes anew when it is lost: resolves when it is closed for good. */
  async function listen(receive: (hints: readonly Hint[] | undefined) => void): Promise<void> {
    // Loaded only where hints go this way.
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
        // Whatever came while nobody listened is not known.
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
      // A server that is not there yet is not waited for: hints are no reason not to start.
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
