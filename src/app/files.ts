// The bytes of files, and what works in the background: the sweeper, which removes those that no file needs any more,
// jobs, and what seals audit logs.
import { resolve } from "node:path";
import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { WorkBudget } from "../domain/work-budget.ts";
import type { ByteStore, FileKey } from "../files/byte-store.ts";
import { openFiles } from "../files/open.ts";
import { createAuditSealer } from "../jobs/audit.ts";
import { watchFolder } from "../jobs/missing-bytes.ts";
import { JobRunner } from "../jobs/runner.ts";
import { createSweeper, type Sweeper, type SweeperOptions } from "../jobs/sweeper.ts";
import type { HttpHandler } from "../protocols/http/request.ts";
import { createTusHandler, type TusOptions } from "../protocols/tus/handler.ts";
import type { FileParts } from "../services/files/create.ts";
import { RunningUploads } from "../services/files/running-uploads.ts";
import { createUploads } from "../services/uploads/uploads.ts";
import { REST_FAILURES } from "./rest-errors.ts";

export interface FilesAndSweeperOptions extends Pick<SweeperOptions, "database" | "onError"> {
  readonly config: Config;
  readonly log: Logger;
  /** How long calls have taken that have ended, all together, in milliseconds. */
  readonly callMs: () => number;
  readonly atStop: (what: string, end: () => Promise<unknown>) => void;
}

const MISSING =
  "files of the database are not in this server's folder of files: servers of one database must share it, and a restored database needs it";

/** Opens the store of bytes, and makes a sweeper and a runner of jobs, which `start` starts. */
export async function openFilesAndSweeper(options: FilesAndSweeperOptions): Promise<{
  readonly files: Pick<FileParts, "bytes" | "running">;
  readonly bytes: ByteStore;
  readonly sweeper: Pick<Sweeper, "start">;
  readonly wakeJobs: () => void;
}> {
  const { database, onError, config, log, callMs, atStop } = options;
  const { place, maxBytes } = config.files;
  const bytes = await openFiles(place, maxBytes);
  atStop("files", () => bytes.close());
  const budget = new WorkBudget({ callMs });
  const sweeper = createSweeper({ database, onError, bytes, budget, purgeAfterDays: config.purgeAfterDays });
  atStop("the sweeper", () => sweeper.stop());
  const jobs = new JobRunner({ database, bytes, budget, onError });
  atStop("jobs under way", () => jobs.stop());
  const auditSealer = createAuditSealer(database, onError);
  atStop("entries of audit logs to be sealed", () => auditSealer.stop());
  const onMissing = ({ id }: FileKey) =>
    log.warn({ ...(place.kind === "disk" && { folder: resolve(place.folder) }), file: id }, MISSING);
  const folder = watchFolder({ database, bytes, onMissing, onError });
  atStop("the look for files in their folder", () => folder.stop());
  const start = () => {
    folder.start();
    sweeper.start();
    jobs.start();
    auditSealer.start();
  };
  return { files: { bytes, running: new RunningUploads() }, bytes, sweeper: { start }, wakeJobs: () => jobs.wake() };
}

/** Serves uploads that go on where they stopped. */
export function createUploadHandler(
  files: FileParts,
  parts: Pick<TusOptions, "pipeline" | "createSignal" | "bodies">,
): HttpHandler {
  return createTusHandler({ ...parts, uploads: createUploads(files), ...REST_FAILURES });
}
