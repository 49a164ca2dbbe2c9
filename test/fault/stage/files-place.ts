// Where the files of a scenario lie, as a setting of its server and as a store of its own.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../../src/config/config.ts";
import { newId } from "../../../src/domain/ids/id.ts";
import type { ByteStore } from "../../../src/files/byte-store.ts";
import { openFiles } from "../../../src/files/open.ts";
import { type S3Server, startSwift } from "../../support/services/swift.ts";

export interface FilesPlace extends AsyncDisposable {
  /** COLLOQUY_FILES, and what goes with it. */
  readonly environment: Readonly<Record<string, string>>;
  open(): Promise<ByteStore>;
}

const openAt = async (setting: string) => {
  const { files } = loadConfig({ COLLOQUY_FILES: setting });
  return openFiles(files.place, files.maxBytes);
};

/** A folder of its own. */
export async function folderPlace(): Promise<FilesPlace> {
  const folder = await mkdtemp(join(tmpdir(), "colloquy-torture-files-"));
  const setting = `disk:${folder}`;
  return {
    environment: { COLLOQUY_FILES: setting },
    open: () => openAt(setting),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

let swift: Promise<S3Server> | undefined;

/** A part of its own of a bucket of OpenStack Swift, which is started once. */
export async function s3Place(): Promise<FilesPlace> {
  swift ??= startSwift();
  const { place, credentials } = await swift;
  const setting = place(newId());
  return {
    environment: { COLLOQUY_FILES: setting, ...credentials },
    open: () => openAt(setting),
    [Symbol.asyncDispose]: async () => {},
  };
}
