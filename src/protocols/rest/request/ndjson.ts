// Newline-delimited JSON of a request body, split into lines at the reader's pace.
import { RestProblem } from "../binding/problem.ts";

export interface Line {
  /** From 1, empty lines counted. */
  readonly number: number;
  readonly bytes: Buffer;
}

/**
 * Gives each line that is not blank, without its line break. Holds one line at a time, so the whole may have any
 * length. Throws a {@link RestProblem}: too_large for a line past `limit` bytes.
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>, limit: number): AsyncGenerator<Line> {
  let parts: Buffer[] = [];
  let held = 0;
  let number = 1;
  const line = (): Line | undefined => {
    const bytes = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    parts = [];
    held = 0;
    return isBlank(bytes) ? undefined : { number, bytes };
  };
  const hold = (part: Buffer) => {
    held += part.byteLength;
    if (held > limit) throw new RestProblem("too_large", `line ${number}: must be at most ${limit} bytes`);
    parts.push(part);
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let to = chunk.indexOf(0x0a); to !== -1; to = chunk.indexOf(0x0a, from)) {
      hold(chunk.subarray(from, to));
      const complete = line();
      if (complete !== undefined) yield complete;
      number += 1;
      from = to + 1;
    }
    if (from < chunk.byteLength) hold(chunk.subarray(from));
  }
  const last = line();
  if (last !== undefined) yield last;
}

/** The same problem, saying in which line. */
export function inLine(number: number, problem: RestProblem): RestProblem {
  return new RestProblem(
    problem.kind,
    `line ${number}: ${problem.message}`,
    problem.violations.map((violation) => ({ ...violation, description: `${violation.description} (line ${number})` })),
    problem.headers,
  );
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
