// Opens the byte store that the settings name.
import { resolve } from "node:path";
import type { ByteStore } from "./byte-store.ts";
import { createDiskStore } from "./disk.ts";
import type { S3Place } from "./s3/bucket.ts";

/** A folder. */
export interface DiskPlace {
  readonly kind: "disk";
  /** Absolute, or relative to the working directory. */
  readonly folder: string;
}

/** Where files lie. */
export type FilesPlace = DiskPlace | S3Place;

/** @param maxBytes of a file */
export async function openFiles(place: FilesPlace, maxBytes: number): Promise<ByteStore> {
  if (place.kind === "disk") return createDiskStore(resolve(place.folder));
  // Its client is large: who has files on disk does not load it.
  const { openS3Store } = await import("./s3/store.ts");
  return openS3Store(place, maxBytes);
}
