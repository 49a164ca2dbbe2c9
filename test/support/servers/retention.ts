// Runs the retention policies of a tenant at once, as a server's own round does some time.
import type { Client } from "@connectrpc/connect";
import { expect } from "vitest";
import type { RetentionRun } from "../../../gen/colloquy/v1/retention_pb.ts";
import type { RetentionService } from "../../../gen/colloquy/v1/retention_service_pb.ts";
import { runRetention } from "../../../src/jobs/retention.ts";
import type { Database } from "../../../src/store/database.ts";

/**
 * Runs what is due. A round of the server, which comes a minute after its start, may have begun the same: waits until
 * all runs have ended, and returns the latest.
 */
export async function runPolicies(
  retention: Client<typeof RetentionService>,
  database: Database,
  tenantId: string,
): Promise<RetentionRun | undefined> {
  await runRetention(database, tenantId, undefined);
  let runs: RetentionRun[] = [];
  await expect
    .poll(async () => {
      runs = (await retention.listRetentionRuns({})).retentionRuns;
      return runs.filter(({ endTime }) => endTime === undefined);
    })
    .toEqual([]);
  return runs[0];
}
