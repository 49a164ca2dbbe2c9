// Where the files lie that the package has beside its program.
import { join } from "node:path";

/** This module is `src/config/packaged.ts`, or part of a bundle of `dist/program`. */
const FROM_SOURCES = import.meta.filename.endsWith(".ts");
const BESIDE = FROM_SOURCES ? join(import.meta.dirname, "../..") : join(import.meta.dirname, "..");

/** A file or folder of the build, such as `gen/openapi`; from the sources, where the repository has it. */
export function packaged(path: string): string {
  return join(BESIDE, path);
}

/** The same for what only `npm run build` makes. */
export function built(path: string): string {
  return FROM_SOURCES ? join(BESIDE, "dist", path) : join(BESIDE, path);
}
