// Shows the other servers on the database that this one lives: a lock of a session, which ends with the process.
import { setTimeout as sleep } from "node:timers/promises";
import { breakAfter } from "./driver/connect-limit.ts";
import { PreferringClient } from "./driver/prefer-tls.ts";
import { sessionSetup, setUpSession } from "./driver/session.ts";

export interface ServerPresence {
  /** Resolves once the lock is held. */
  readonly shown: Promise<void>;
  close(): Promise<void>;
}

export interface ServerPresenceOptions {
  readonly url: string;
  /** The id of this server. */
  readonly server: string;
  /** Called when the session fails or is lost; it is then opened again. */
  readonly onError: (error: unknown) => void;
}

const RETRY_MS = 500;
/** How often the session is probed, to notice a silent loss, and how long it has to answer, in milliseconds. */
const PROBE_EVERY_MS = 10_000;
const TIMEOUT_MS = 5_000;
const GOODBYE_MS = 1_000;

const SETUP = sessionSetup({ timeouts: { statement: TIMEOUT_MS, lock: TIMEOUT_MS, idleInTransaction: TIMEOUT_MS } });
/** PostgreSQL probes the client's host, so that the session of one that has vanished ends within half a minute. */
const KEEP_ALIVE = "set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3";
/** Those who look share it, so that they do not take each other for the server. */
const SHOW = "select pg_advisory_lock(hashtextextended('server ' || $1::uuid::text, 0))";

/** Whether the server with this id does not show that it lives, as SQL. */
export const isGone = (server: string) =>
  `pg_try_advisory_xact_lock_shared(hashtextextended('server ' || ${server}::text, 0))`;

/** Keeps the session open until it is closed. Does not wait for it. */
export function showServer({ url, server, onError }: ServerPresenceOptions): ServerPresence {
  const stopping = new AbortController();
  const { signal } = stopping;
  const shown = Promise.withResolvers<void>();
  const stopped = Promise.withResolvers<void>();

  async function hold(): Promise<void> {
    const client = new PreferringClient({
      connectionString: url,
      application_name: "colloquy presence",
      connectionTimeoutMillis: TIMEOUT_MS,
      query_timeout: TIMEOUT_MS,
      keepAlive: true,
    });
    const lost = Promise.withResolvers<void>();
    client.on("error", lost.reject);
    client.on("end", () => lost.resolve());
    lost.promise.catch(() => {});
    const probing = setInterval(() => void client.query("select 1").catch(lost.reject), PROBE_EVERY_MS);
    try {
      await client.connect();
      await setUpSession(client, SETUP, TIMEOUT_MS);
      await client.query(KEEP_ALIVE);
      await client.query(SHOW, [server]);
      shown.resolve();
      await Promise.race([lost.promise, stopped.promise]);
    } finally {
      clearInterval(probing);
      // A database that has fallen silent does not answer a goodbye.
      const limit = breakAfter(client, GOODBYE_MS);
      await client.end().catch(() => {});
      limit.cancel();
    }
  }

  async function keepShown(): Promise<void> {
    while (!signal.aborted) {
      await hold().catch((error: unknown) => {
        if (!signal.aborted) onError(error);
      });
      await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }
  const running = keepShown();

  return {
    shown: shown.promise,
    async close() {
      stopping.abort();
      stopped.resolve();
      await running;
    },
  };
}
