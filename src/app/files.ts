// The bytes of files, and the sweeper, which removes those that no file needs any more.
import type { Config } from "../config/config.ts";
import type { ByteStore } from "../files/byte-store.ts";
import { openFiles } from "../files/open.ts";
import { createSweeper, type Sweeper, type SweeperOptions } from "../jobs/sweeper.ts";

export interface FilesAndSweeperOptions extends Pick<SweeperOptions, "database" | "onError"> {
  readonly config: Config;
  readonly atStop: (what: string, end: () => Promise<unknown>) => void;
}

/** Opens the store of bytes, and makes a sweeper that is not started. */
export async function openFilesAndSweeper({
  database,
  onError,
  config,
  atStop,
}: FilesAndSweeperOptions): Promise<{ readonly bytes: ByteStore; readonly sweeper: Sweeper }> {
  const bytes = await openFiles(config.files.place, config.files.maxBytes);
  atStop("files", () => bytes.close());
  const sweeper = createSweeper({ database, onError, bytes });
  atStop("the sweeper", () => sweeper.stop());
  return { bytes, sweeper };
}
