// What a job has done, in words.
import type { Job } from "../../../../gen/colloquy/v1/job_pb.ts";
import { adminText } from "../../strings/admin.ts";
import { amount } from "../../ui/amounts.ts";

const words = adminText.jobs;

/** More may have come since they were counted: it has never looked at more than there are. */
export function progressInWords({ lookedCount, totalCount }: Pick<Job, "lookedCount" | "totalCount">): string {
  return words.progressOf(amount(lookedCount), amount(lookedCount > totalCount ? lookedCount : totalCount));
}

/** What it did nothing of is left out. A count of a later release has the name that the server gives it. */
export function countsInWords(counts: Job["counts"]): string {
  const names: Readonly<Record<string, string>> = words.countNames;
  return Object.entries(counts)
    .filter(([, count]) => count > 0n)
    .map(([name, count]) => `${names[name] ?? name.replaceAll("_", " ")}: ${amount(count)}`)
    .join(", ");
}
