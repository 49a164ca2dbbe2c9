// How many entries of a log are read at a time for one follower, which may be slow.
import { areCut, FOLLOWED_BYTES } from "../../store/driver/row-budget.ts";
import type { LogEntry } from "../../store/messages/messages.ts";

export const FIRST_PAGE = 16;
const LONGEST_PAGE = 100;

/** The limit after a page that was full. PostgreSQL sends also what is cut, so no more are asked for than may fit. */
export function nextLimit(page: readonly LogEntry[]): number {
  const characters = page.reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  const fitting = Math.floor((FOLLOWED_BYTES * page.length) / Math.max(characters, 1));
  return Math.min(Math.max(fitting, 1), areCut(page) ? page.length : page.length * 2, LONGEST_PAGE);
}
