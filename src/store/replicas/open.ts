// A database whose reads go to replicas where their callers allow it.
import type { Database } from "../database.ts";
import { openPool, type PoolSettings } from "../driver/pool.ts";
import { type QueryOf, wrapped } from "../wrappers/wrapped.ts";
import { nameOfReplica } from "./inspect.ts";
import { Replica } from "./replica.ts";
import { Replicas } from "./replicas.ts";

export interface ReplicaSettings extends Omit<PoolSettings, "url"> {
  readonly urls: readonly string[];
  /** Told when a replica is no longer read, and why; and when it is read again. */
  readonly onChange: (level: "info" | "warn", message: string) => void;
}

/** Connects to them in the background: one that cannot be reached stops nothing. Closing it closes the primary too. */
export function withReplicas(primary: Database, { urls, onChange, ...settings }: ReplicaSettings): Database {
  const replicas = new Replicas({
    primary,
    replicas: urls.map((url) => new Replica(nameOfReplica(url), openPool({ ...settings, url }))),
    onChange,
  });
  const query: QueryOf = (on) =>
    on === primary
      ? async (statement, values, signal) => {
          const reading = signal?.reading;
          const rows =
            reading === undefined || statement.changes
              ? undefined
              : await replicas.read(statement, values, signal as NonNullable<typeof signal>, reading);
          return (rows ?? (await primary.query(statement, values, signal))) as never;
        }
      : (statement, values, signal) => on.query(statement, values, signal);
  return {
    ...wrapped(primary, { query, transaction: (run) => run(query) }),
    replicas,
    async close() {
      await replicas.close();
      await primary.close();
    },
  };
}
