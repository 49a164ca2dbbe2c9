// Lists of objects that a library checks and nobody copies: to write an object's names anew takes as long as to parse
// them.
import { z } from "zod";

/** More is not said of one list. */
const MOST_ISSUES = 10;

/** A list of objects that have what `shape` says, and anything else; they stay the objects that they are. */
export function listOf<S extends z.ZodObject>(shape: S, most = Number.POSITIVE_INFINITY) {
  return z.array(z.custom<z.output<S> & Readonly<Record<string, unknown>>>()).check(({ value, issues }) => {
    if (value.length > most) {
      const message = `must hold at most ${most} items`;
      issues.push({ code: "custom", message, input: value, path: [], continue: true });
      return;
    }
    for (const [index, item] of value.entries()) {
      for (const issue of shape.safeParse(item).error?.issues ?? []) {
        issues.push({ ...issue, input: item, path: [index, ...issue.path] } as (typeof issues)[number]);
      }
      if (issues.length >= MOST_ISSUES) return;
    }
  });
}
