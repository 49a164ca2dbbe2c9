// What ends the copy of a backup before its end, as the operator hears it.
import { isNoRoom } from "../../domain/no-room.ts";
import { CommandError } from "../command.ts";

/** The error to report in the place of one that ended a copy to `target`. */
export function endOfCopy(error: unknown, target: string, signal: AbortSignal): unknown {
  if (signal.aborted) return new CommandError(`${target}: not written: the command was stopped`);
  if (!isNoRoom(error)) return error;
  return new CommandError(`${target}: not written: there is not enough free space`, { cause: error });
}
