// The bytes of files, and what works in the background: the sweeper, which removes those that no file needs any more, and jobs.
import type { Config } from "../config/config.ts";
import type { ByteStore } from "../files/byte-store.ts";
import { openFiles } from "../files/open.ts";
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
  readonly atStop: (what: string, end: () => Promise<unknown>) => void;
}

/** Opens the store of bytes, and makes a sweeper and a runner of jobs, which `start` starts. */
export async function openFilesAndSweeper({ database, onError, config, atStop }: FilesAndSweeperOptions): Promise<{
  readonly files: Pick<FileParts, "bytes" | "running">;
  readonly bytes: ByteStore;
  readonly sweeper: Pick<Sweeper, "start">;
  readonly wakeJobs: () => void;
}> {
  const bytes = await openFiles(config.files.place, config.files.maxBytes);
  atStop("files", () => bytes.close());
  const sweeper = createSweeper({ database, onError, bytes, purgeAfterDays: config.purgeAfterDays });
  atStop("the sweeper", () => sweeper.stop());
  const jobs = new JobRunner({ database, onError });
  atStop("jobs under way", () => jobs.stop());
  const start = () => {
    sweeper.start();
    jobs.start();
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
