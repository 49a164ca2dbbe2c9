// The lines of an import in another format: written for the importer, and told by the numbers of the file's own values.
import type { ConvertedLine } from "./records.ts";

const CHUNK = 64 * 1024;

export interface LineSource {
  /** The lines as bytes, many at a time. */
  chunks(): AsyncGenerator<Uint8Array>;
  /** The number of the value that a line was made of, from 1. */
  valueOf(line: number): number;
  /** What is wrong with values of which no lines were made. */
  readonly faults: readonly { readonly value: number; readonly description: string }[];
  /** How many there were. */
  readonly faultCount: number;
}

const MAX_FAULTS = 1_000;

/** @param stop whether the first fault ends the lines */
export function linesOf(lines: AsyncIterable<ConvertedLine>, stop: boolean): LineSource {
  const values: number[] = [];
  const faults: { value: number; description: string }[] = [];
  let faultCount = 0;
  return {
    faults,
    get faultCount() {
      return faultCount;
    },
    valueOf: (line) => values[line - 1] ?? 0,
    async *chunks() {
      let text = "";
      for await (const converted of lines) {
        if ("fault" in converted) {
          faultCount++;
          if (faults.length < MAX_FAULTS) faults.push({ value: converted.value, description: converted.fault });
          if (stop) break;
          continue;
        }
        values.push(converted.value);
        text += converted.line;
        if (text.length < CHUNK) continue;
        yield Buffer.from(text);
        text = "";
      }
      if (text !== "") yield Buffer.from(text);
    },
  };
}
