// What ends the copy of a backup before its end, as the operator hears it.
import { CommandError } from "./command.ts";

/** What a disk says that takes no more. */
const NO_ROOM = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** The error to report in the place of one that ended a copy to `target`. */
export function endOfCopy(error: unknown, target: string, signal: AbortSignal): unknown {
  if (signal.aborted) return new CommandError(`${target}: not written: the command was stopped`);
  const { code = "" } = (error ?? {}) as NodeJS.ErrnoException;
  if (!NO_ROOM.has(code)) return error;
  return new CommandError(`${target}: not written: there is not enough free space`, { cause: error });
}
