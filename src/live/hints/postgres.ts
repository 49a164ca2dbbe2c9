// Transports hints by PostgreSQL's LISTEN and NOTIFY, on a connection of its own.
import { randomBytes } from "node:crypto";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { breakAfter } from "../../store/driver/connect-limit.ts";
import { PreferringClient } from "../../store/driver/prefer-tls.ts";
import { sessionSetup, setUpSession } from "../../store/driver/session.ts";
import { HINT_LENGTH } from "./encode.ts";
import type { HintCarrier } from "./hints.ts";
import { type HintConnection, keepConnected, type Listener } from "./keep-connected.ts";

const CHANNEL = "colloquy";
/** Signals have one of their own: servers of earlier releases would take them for hints that they cannot read. */
const SIGNALS = "colloquy_signals";
/** A notification holds less than 8,000 bytes (PostgreSQL manual, NOTIFY). */
const MAX_BYTES = 7_999;
const BATCH = Math.floor(MAX_BYTES / HINT_LENGTH);
/** How often the connection is probed, to notice a silent loss, in milliseconds. */
const PROBE_EVERY_MS = 10_000;
const PROBE_TIMEOUT_MS = 5_000;
const GOODBYE_MS = 1_000;
/** How often an echo is asked for after LISTEN, and how long each may take, in milliseconds. */
const ECHOES = 4;
const ECHO_MS = 1_000;

const SETUP = sessionSetup({
  timeouts: { statement: PROBE_TIMEOUT_MS, lock: PROBE_TIMEOUT_MS, idleInTransaction: PROBE_TIMEOUT_MS },
});

export interface PostgresHintsOptions {
  readonly url: string;
  /** Called when a connection fails or is lost; it is then opened again. */
  readonly onError: (error: unknown) => void;
  /**
   * Called when LISTEN seems to work but nothing comes: a pooler gave the session to another client. Default: ignored.
   */
  readonly onSwallowed?: (() => void) | undefined;
}

export function createPostgresHints({ url, onError, onSwallowed }: PostgresHintsOptions): HintCarrier {
  async function open(listener: Listener): Promise<HintConnection> {
    const client = clientOf(url);
    const lost = Promise.withResolvers<void>();
    client.on("error", (error) => {
      onError(error);
      lost.resolve();
    });
    client.on("end", () => lost.resolve());
    client.on("notification", ({ channel, payload = "" }) => {
      if (channel === SIGNALS) listener.signalled(payload);
      else if (channel === CHANNEL) listener.received(payload);
    });
    const probe = async () => {
      const { rows } = await client.query("select pg_is_in_recovery() as standby");
      // A standby cannot send notifications: the primary is elsewhere.
      if (rows[0].standby) lost.resolve();
    };
    const probing = setInterval(() => void probe().catch(() => lost.resolve()), PROBE_EVERY_MS);
    const close = async () => {
      clearInterval(probing);
      // An unresponsive server does not respond to the end of the session.
      const limit = breakAfter(client, GOODBYE_MS);
      await client.end().catch(() => {});
      limit.cancel();
    };
    try {
      await client.connect();
      await setUpSession(client, SETUP, PROBE_TIMEOUT_MS);
      await client.query(`listen ${CHANNEL}`);
      await client.query(`listen ${SIGNALS}`);
      if (onSwallowed !== undefined) void echoes(client, clientOf(url)).then((heard) => heard || onSwallowed());
    } catch (error) {
      await close();
      throw error;
    }
    return {
      async send(text) {
        await client.query("select pg_notify($1, $2)", [CHANNEL, text]);
      },
      async sendSignals(text) {
        await client.query("select pg_notify($1, $2)", [SIGNALS, text]);
      },
      lost: lost.promise,
      close,
    };
  }

  return keepConnected({ batchSize: BATCH, maxBytes: MAX_BYTES, onError, open });
}

function clientOf(url: string): pg.Client {
  return new PreferringClient({
    connectionString: url,
    application_name: "colloquy hints",
    connectionTimeoutMillis: PROBE_TIMEOUT_MS,
    query_timeout: PROBE_TIMEOUT_MS,
    keepAlive: true,
  });
}

/**
 * Whether what another session sends to a channel comes to one that listens to it. By itself it would always: a pooler
 * passes on what comes while a query runs. A line that breaks is no proof. On a busy machine, each time is as much
 * longer as PostgreSQL takes to answer, and what came while this process did other work is read before it is over.
 */
async function echoes(client: pg.Client, other: pg.Client): Promise<boolean> {
  const channel = `colloquy_echo_${randomBytes(6).toString("hex")}`;
  const heard = new AbortController();
  const hear = () => heard.abort();
  const onNotification = (note: pg.Notification) => {
    if (note.channel === channel) hear();
  };
  client.on("notification", onNotification);
  client.once("end", hear);
  other.on("error", hear);
  try {
    await client.query(`listen ${channel}`);
    await other.connect();
    for (let count = 0; count < ECHOES && !heard.signal.aborted; count++) {
      await other.query("select pg_notify($1, '')", [channel]);
      // Heard, the sleep ends with an error.
      await sleep(ECHO_MS, undefined, { signal: heard.signal, ref: false }).catch(() => {});
      // Timers come before what sockets have.
      await setImmediate();
      await setImmediate();
    }
    const result = heard.signal.aborted;
    await client.query(`unlisten ${channel}`);
    return result;
  } catch {
    return true;
  } finally {
    client.off("notification", onNotification);
    await other.end().catch(() => {});
  }
}
