// Carries hints by NATS.
import type { NatsConnection } from "@nats-io/transport-node";
import { decodeHints, encodeHints } from "./encode-hints.ts";
import type { HintCarrier } from "./hints.ts";

const SUBJECT = "colloquy.hints";
/** A message of some 46 KiB, far below the 1 MiB that a NATS server takes unless told otherwise. */
const BATCH = 1_000;

export interface NatsHintsOptions {
  /** `nats://host:4222`, with user and password or a token where the server wants them. */
  readonly url: string;
  /** Told when the connection is lost; the library makes it anew. */
  readonly onError: (error: unknown) => void;
}

export function createNatsHints({ url, onError }: NatsHintsOptions): HintCarrier {
  let connection: NatsConnection | undefined;
  return {
    batchSize: BATCH,
    async start(receive) {
      // Loaded only where hints go this way.
      const { connect } = await import("@nats-io/transport-node");
      const { host, username, password } = new URL(url);
      const user = decodeURIComponent(username);
      const own = await connect({
        servers: host,
        name: "colloquy",
        // A server that is not there yet is waited for: hints are no reason not to start.
        waitOnFirstConnect: true,
        maxReconnectAttempts: -1,
        ...(user !== "" && password === "" ? { token: user } : {}),
        ...(password === "" ? {} : { user, pass: decodeURIComponent(password) }),
      });
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
    },
    async send(hints) {
      if (connection === undefined) throw new Error("not connected");
      connection.publish(SUBJECT, encodeHints(hints));
    },
    async close() {
      await connection?.close();
    },
  };
}
