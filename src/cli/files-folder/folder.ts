// A folder with the files of an export: a line for each use of a file, and the bytes of each file once.
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CommandError } from "../command.ts";

/** The lines. It is there when all bytes of its files are. */
export const LIST = "files.ndjson";

/** Where the bytes of a file lie. The end of an id is random: 256 folders. */
export function bytesPath(folder: string, id: string): string {
  return join(folder, "bytes", id.slice(-2), id);
}

/** The lines of a file, with their numbers, which begin at 1. */
export async function* linesOf(path: string): AsyncGenerator<[number: number, line: string]> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  try {
    for await (const line of lines) {
      number++;
      if (line !== "") yield [number, line];
    }
  } catch (cause) {
    throw new CommandError(`${path}: cannot be read`, { cause });
  }
}
