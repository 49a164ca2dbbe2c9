// Checks of the replicas of the database. The server works without them.
import type { Config } from "../../config/config.ts";
import { type Finding, fail, ok, reasonOf, warn } from "./finding.ts";

export async function checkReplicas({
  databaseUrl,
  databaseSchema: schema,
  replicaUrls,
}: Pick<Config, "databaseUrl" | "databaseSchema" | "replicaUrls">): Promise<Finding[]> {
  if (databaseUrl === undefined || replicaUrls.length === 0) return [];
  const { describePrimary, describeReplica, nameOfReplica } = await import("../../store/replicas/inspect.ts");
  // What it lacks is told by the check of the database.
  const primary = await describePrimary(databaseUrl).catch(() => undefined);
  return Promise.all(
    replicaUrls.map(async (url) => {
      const subject = `replica ${nameOfReplica(url)}`;
      try {
        const { system, replayed, received, hasTables } = await describeReplica(url, schema);
        if (primary !== undefined && system !== primary.system) {
          return fail(subject, "it is of another cluster than DATABASE_URL: name a standby of that");
        }
        if (replayed === undefined) return warn(subject, "it is not a standby, so it is not read");
        if (received === undefined) return warn(subject, "it does not stream from another server, so it is not read");
        if (!hasTables) return warn(subject, `it has no tables in the schema "${schema}" yet, so it is not read`);
        const lag = primary === undefined ? 0n : primary.written - replayed;
        return ok(subject, `a standby that is ${lag > 0n ? `${lag} bytes behind` : "not behind"}`);
      } catch (error) {
        return warn(subject, `${reasonOf(error)}: it is not read meanwhile`);
      }
    }),
  );
}
