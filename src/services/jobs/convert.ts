// Jobs as the contract has them.
import { create } from "@bufbuild/protobuf";
import { type Job, type JobKind, JobSchema, type JobState } from "../../../gen/colloquy/v1/job_pb.ts";
import { toAuditActor } from "../../domain/identity/actor.ts";
import { receiptHash } from "../../jobs/erasure.ts";
import type { JobRow } from "../../store/jobs/jobs.ts";
import { toTimestamp } from "../convert.ts";

export function toJob(row: JobRow): Job {
  const counts = Object.entries(row.counts).map(([name, count]) => [name, BigInt(count)]);
  return create(JobSchema, {
    id: row.id,
    kind: row.kind as JobKind,
    state: row.state as JobState,
    memberHash: row.subject_hash,
    lookedCount: row.looked,
    totalCount: row.total,
    counts: Object.fromEntries(counts),
    heldCount: row.held,
    failure: row.failure,
    creator: toAuditActor(row.creator),
    createTime: toTimestamp(row.create_time),
    ...(row.next_time && { nextRunTime: toTimestamp(row.next_time) }),
    ...(row.end_time && { endTime: toTimestamp(row.end_time) }),
    receiptSha256: receiptHash(row),
  });
}
