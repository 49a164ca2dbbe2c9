// Opens the byte store that the settings name.
import { resolve } from "node:path";
import type { ByteStore } from "./byte-store.ts";
import { createDiskStore } from "./disk.ts";

/** Where files lie. */
export interface FilesPlace {
  readonly kind: "disk";
  /** Absolute, or relative to the working directory. */
  readonly folder: string;
}

export async function openFiles(place: FilesPlace): Promise<ByteStore> {
  return createDiskStore(resolve(place.folder));
}
