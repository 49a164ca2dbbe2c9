// The sink of NATS JetStream: an event is taken when the stream has acknowledged it.
import { once } from "node:events";
import type { JetStreamClient } from "@nats-io/jetstream";
import { WebhookOutcome } from "../../../gen/colloquy/v1/webhook_pb.ts";
import { type AddressGuard, hostOf } from "../../outbound/addresses.ts";
import { boundLibrarySockets, type LibrarySockets } from "../../outbound/library-sockets.ts";
import { tlsNames } from "../../outbound/tls-names.ts";
import { limitOf } from "./attempt-limit.ts";
import { AddressRefused } from "./refused.ts";
import type { Parcel, Sink, SinkResult } from "./sink.ts";
import { troubleOf } from "./trouble.ts";

export interface NatsTarget {
  /** `nats://host:4222/subject` */
  readonly url: string;
  /** `Authorization` signs in: `Basic` with user and password, or `Bearer` with a token. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

interface Stream {
  readonly sockets: LibrarySockets;
  readonly client: Promise<JetStreamClient>;
}

const DEFAULT_PORT = "4222";
/** How much a server may write during an attempt: a greeting, and some 150 bytes for each of 500 events. */
const READ_BYTES = 256 * 1024;

/** @param guard which addresses it may connect to; undefined: any */
export function createNatsSink(target: NatsTarget, guard: AddressGuard | undefined): Sink {
  const url = new URL(target.url);
  const subject = decodeURIComponent(url.pathname.slice(1));
  const names = tlsNames(hostOf(url));
  let stream: Stream | undefined;
  /** Whether the server takes no TLS, as was found by the last connection. */
  let isPlain = false;

  async function connectClient(closed: () => void): Promise<JetStreamClient> {
    // Imported only if an endpoint needs it.
    const [{ connect }, { jetstream }] = await Promise.all([
      import("@nats-io/transport-node"),
      import("@nats-io/jetstream"),
    ]);
    const options = {
      servers: `${await addressOf(hostOf(url), guard)}:${url.port || DEFAULT_PORT}`,
      name: "colloquy",
      timeout: target.timeoutMs,
      // A broken connection is a failure of the attempt, and the next one opens another.
      reconnect: false,
      // What it tells of other servers of its cluster was not checked.
      ignoreClusterUpdates: true,
      ...credentialOf(target.headers),
    };
    const secured = { ...options, tls: names };
    const connection = await connect(isPlain ? options : secured).catch((error: Error) => {
      // With names for TLS the library insists on it; without them it takes what the server has.
      isPlain = !isPlain && /does not support 'tls'/.test(error.message);
      if (isPlain) return connect(options);
      throw error;
    });
    void connection.closed().then(closed);
    return jetstream(connection, { timeout: target.timeoutMs });
  }

  function open(): Stream {
    const sockets = boundLibrarySockets(READ_BYTES);
    const opened: Stream = { sockets, client: sockets.run(() => connectClient(() => close(opened))) };
    opened.client.catch(() => {});
    return opened;
  }

  /** Without a word to the server, which may never listen. */
  function close(opened: Stream): void {
    opened.sockets.destroy();
    if (stream === opened) stream = undefined;
  }

  async function publish({ client }: Stream, { events }: Parcel, signal: AbortSignal): Promise<void> {
    const jetstream = await client;
    // One after the other: if one fails, those behind it must not be in the stream before it.
    for (const { id, name, json } of events) {
      signal.throwIfAborted();
      await jetstream.publish(`${subject}.${name}`, json, { msgID: id });
    }
  }

  return {
    async send(parcel, signal) {
      signal.throwIfAborted();
      const limit = limitOf(signal, target.timeoutMs);
      stream ??= open();
      const taken = stream;
      taken.sockets.restart();
      try {
        await Promise.race([publish(taken, parcel, limit.signal), aborted(limit.signal)]);
        return { outcome: WebhookOutcome.SUCCEEDED, status: 0, error: "", responseBody: "" };
      } catch (error) {
        close(taken);
        signal.throwIfAborted();
        return failureOf(error, limit.signal.aborted, taken.sockets.exceeded);
      } finally {
        limit.end();
      }
    },
    async close() {
      if (stream !== undefined) close(stream);
    },
  };
}

/** Rejects when `signal` aborts. */
async function aborted(signal: AbortSignal): Promise<never> {
  await once(signal, "abort");
  throw signal.reason;
}

/** Resolves a name to an address that is allowed, which is then connected to. Throws what the guard throws. */
async function addressOf(host: string, guard: AddressGuard | undefined): Promise<string> {
  if (guard === undefined) return host.includes(":") ? `[${host}]` : host;
  guard.checkHost(host);
  const address = await new Promise<string>((resolve, reject) => {
    guard.lookup(host, {}, (error, found) => (error ? reject(error) : resolve(String(found))));
  });
  return address.includes(":") ? `[${address}]` : address;
}

function credentialOf(headers: Readonly<Record<string, string>>): { token?: string; user?: string; pass?: string } {
  const [, value = ""] = Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization") ?? [];
  const [scheme = "", given = ""] = value.split(" ");
  if (scheme.toLowerCase() === "bearer") return { token: given };
  if (scheme.toLowerCase() !== "basic") return {};
  const [user = "", ...pass] = Buffer.from(given, "base64").toString("utf8").split(":");
  return { user, pass: pass.join(":") };
}

function failureOf(error: unknown, isLate: boolean, isTooMuch: boolean): SinkResult {
  const { name = "", message = "" } = error as Error;
  const nothing = { status: 0, responseBody: "" };
  if (error instanceof AddressRefused) return { ...nothing, outcome: WebhookOutcome.ADDRESS_REFUSED, error: message };
  if (isTooMuch) return { ...nothing, outcome: WebhookOutcome.UNREACHABLE, error: "the NATS server wrote too much" };
  if (isLate || /timeout/i.test(`${name} ${message}`)) {
    return { ...nothing, outcome: WebhookOutcome.TIMED_OUT, error: "the stream did not acknowledge in time" };
  }
  // The library compares what it would send with what the server said that it takes.
  if (/max_payload/.test(message)) {
    return { ...nothing, outcome: WebhookOutcome.REFUSED, error: "the event is larger than the server's max_payload" };
  }
  if (/NotEnabled|NoResponders|no responders/i.test(`${name} ${message}`)) {
    return { ...nothing, outcome: WebhookOutcome.REFUSED, error: "no stream takes the subject" };
  }
  if (name.startsWith("JetStream")) {
    return { ...nothing, outcome: WebhookOutcome.REFUSED, error: "the stream refused the event" };
  }
  const trouble = name === "AuthorizationError" ? "refused the credential" : troubleOf(error);
  return { ...nothing, outcome: WebhookOutcome.UNREACHABLE, error: `the NATS server ${trouble}` };
}
