// Transports hints by PostgreSQL's LISTEN and NOTIFY, on a connection of its own.
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import { PreferringClient } from "../../store/driver/prefer-tls.ts";
import { sessionSetup, setUpSession } from "../../store/driver/session.ts";
import { decodeHints, encodeHints, HINT_LENGTH } from "./encode.ts";
import type { Hint, HintCarrier } from "./hints.ts";

const CHANNEL = "colloquy";
/** A notification holds less than 8,000 bytes (PostgreSQL manual, NOTIFY). */
const BATCH = Math.floor(7_999 / HINT_LENGTH);
const RETRY_MS = 1_000;
/** How often the connection is probed, to notice a silent loss, in milliseconds. */
const PROBE_EVERY_MS = 10_000;
const PROBE_TIMEOUT_MS = 5_000;

const SETUP = sessionSetup({
  timeouts: { statement: PROBE_TIMEOUT_MS, lock: PROBE_TIMEOUT_MS, idleInTransaction: PROBE_TIMEOUT_MS },
});

export interface PostgresHintsOptions {
  readonly url: string;
  /** Called when the connection is lost; it is then opened again. */
  readonly onError: (error: unknown) => void;
}

export function createPostgresHints({ url, onError }: PostgresHintsOptions): HintCarrier {
  const stopping = new AbortController();
  let client: pg.Client | undefined;
  let running: Promise<void> = Promise.resolve();

  /** Runs one connection. Resolves when it has ended. */
  async function listen(receive: (hints: readonly Hint[] | undefined) => void): Promise<void> {
    const own = new PreferringClient({
      connectionString: url,
      application_name: "colloquy hints",
      connectionTimeoutMillis: PROBE_TIMEOUT_MS,
      query_timeout: PROBE_TIMEOUT_MS,
      keepAlive: true,
    });
    const over = Promise.withResolvers<void>();
    own.on("error", (error) => {
      onError(error);
      over.resolve();
    });
    own.on("end", () => over.resolve());
    own.on("notification", ({ payload = "" }) => receive(decodeHints(payload)));
    const probe = async () => {
      const { rows } = await own.query("select pg_is_in_recovery() as standby");
      // A standby cannot send notifications: the primary is elsewhere.
      if (rows[0].standby) over.resolve();
    };
    const probing = setInterval(() => void probe().catch(() => over.resolve()), PROBE_EVERY_MS);
    const onStop = () => over.resolve();
    stopping.signal.addEventListener("abort", onStop, { once: true });
    try {
      await own.connect();
      await setUpSession(own, SETUP, PROBE_TIMEOUT_MS);
      await own.query(`listen ${CHANNEL}`);
      client = own;
      // Hints sent while the connection was down are lost.
      receive(undefined);
      await over.promise;
    } finally {
      client = undefined;
      clearInterval(probing);
      stopping.signal.removeEventListener("abort", onStop);
      await own.end().catch(() => {});
    }
  }

  return {
    batchSize: BATCH,
    async start(receive) {
      const keepListening = async () => {
        while (!stopping.signal.aborted) {
          await listen(receive).catch(onError);
          await sleep(RETRY_MS, undefined, { signal: stopping.signal }).catch(() => {});
        }
      };
      running = keepListening();
    },
    async send(hints) {
      if (client === undefined) throw new Error("not connected");
      await client.query("select pg_notify($1, $2)", [CHANNEL, encodeHints(hints)]);
    },
    async close() {
      stopping.abort();
      await running;
    },
  };
}
