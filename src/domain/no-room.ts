// Failures of a disk that takes no more.

const CODES: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Whether a file could not be written for want of room: the disk's, a quota's or a file's. */
export function isNoRoom(error: unknown): boolean {
  return CODES.has((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}
