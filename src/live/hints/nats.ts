// Transports hints over NATS.
import { readFile } from "node:fs/promises";
import type { NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import type { HintCarrier } from "./hints.ts";
import { type HintConnection, keepConnected, type Listener } from "./keep-connected.ts";

const SUBJECT = "colloquy.hints";
const SIGNALS = "colloquy.signals";
/** A message of about 46 KiB, far below NATS's default limit of 1 MiB. */
const BATCH = 1_000;
const MAX_BYTES = 64 * 1024;
const CONNECT_TIMEOUT_MS = 5_000;
/** Between two attempts to reconnect: revocations wait for them. */
const RECONNECT_MS = 250;

export interface NatsHintsOptions {
  /**
   * `nats://host:4222`, or `tls://` for a server that must speak TLS, with user and password, or a token, if the server
   * requires them. `?ca=`, `cert=` and `key=` name files for TLS, `creds=` a file with a JWT and its key.
   */
  readonly url: string;
  /** Called when a connection fails or is lost; it is then opened again. */
  readonly onError: (error: unknown) => void;
}

/** @param url see NatsHintsOptions */
export async function connectNats(
  url: string,
  attempts: Pick<NodeConnectionOptions, "maxReconnectAttempts" | "reconnect" | "reconnectTimeWait">,
): Promise<NatsConnection> {
  // Imported only if NATS is configured.
  const { connect, credsAuthenticator } = await import("@nats-io/transport-node");
  const { host, protocol, username, password, searchParams } = new URL(url);
  const user = decodeURIComponent(username);
  const file = (name: string) => searchParams.get(name) ?? undefined;
  const creds = file("creds");
  const tls = { caFile: file("ca"), certFile: file("cert"), keyFile: file("key") };
  const secured = protocol === "tls:" || Object.values(tls).some((path) => path !== undefined);
  return await connect({
    servers: host,
    name: "colloquy",
    timeout: CONNECT_TIMEOUT_MS,
    ...attempts,
    ...(user !== "" && password === "" ? { token: user } : {}),
    ...(password === "" ? {} : { user, pass: decodeURIComponent(password) }),
    // With this option a server without TLS is refused.
    ...(secured && { tls: JSON.parse(JSON.stringify(tls)) }),
    ...(creds !== undefined && { authenticator: credsAuthenticator(await readFile(creds)) }),
  });
}

export function createNatsHints({ url, onError }: NatsHintsOptions): HintCarrier {
  /** The library reconnects by itself; the connection is lost only when that fails for good. */
  async function open(listener: Listener): Promise<HintConnection> {
    const connection = await connectNats(url, { maxReconnectAttempts: -1, reconnectTimeWait: RECONNECT_MS });
    connection.subscribe(SUBJECT, {
      callback: (error, message) => (error ? onError(error) : listener.received(message.string())),
    });
    connection.subscribe(SIGNALS, {
      callback: (error, message) => (error ? onError(error) : listener.signalled(message.string())),
    });
    void (async () => {
      for await (const status of connection.status()) {
        if (status.type === "disconnect") onError(new Error("the connection to NATS is lost"));
        if (status.type === "reconnect") listener.missed();
      }
    })();
    return {
      send: async (text) => connection.publish(SUBJECT, text),
      sendSignals: async (text) => connection.publish(SIGNALS, text),
      lost: connection.closed().then((error) => {
        if (error instanceof Error) throw error;
      }),
      close: () => connection.close(),
    };
  }

  return keepConnected({ batchSize: BATCH, maxBytes: MAX_BYTES, onError, open });
}
