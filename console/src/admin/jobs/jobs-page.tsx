// Long work: how far it is, what it did, and a way to end it.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Progress, Text } from "@mantine/core";
import { type Job, JobKind, JobState } from "../../../../gen/colloquy/v1/job_pb.ts";
import { JobService } from "../../../../gen/colloquy/v1/job_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { useChange } from "../../api/use-change.ts";
import { adminText } from "../../strings/admin.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { amount } from "../../ui/amounts.ts";
import type { Column } from "../../ui/data-table.tsx";
import { Page } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { StateBadge, type Tone } from "../../ui/state-badge.tsx";
import { Time } from "../../ui/time.tsx";
import { wordOf } from "../../ui/word-of.ts";
import { countsInWords, progressInWords } from "./job-words.ts";

const words = adminText.jobs;
/** How often jobs that go on are read again. */
const REFRESH_MS = 2_000;
const TONES: Readonly<Record<number, Tone>> = { [JobState.RUNNING]: "busy", [JobState.SUCCEEDED]: "good" };

const COLUMNS: readonly Column<Job>[] = [
  { name: words.kind, cell: ({ kind, id }) => <span title={id}>{wordOf(JobKind, kind, words.kinds)}</span> },
  {
    name: words.state,
    cell: ({ state }) => (
      <StateBadge tone={TONES[state] ?? "plain"}>{wordOf(JobState, state, words.states)}</StateBadge>
    ),
  },
  { name: words.progress, cell: (job) => <JobProgress job={job} /> },
  {
    name: words.counts,
    cell: ({ counts }) => countsInWords(counts),
  },
  { name: words.created, cell: ({ createTime }) => <Time value={createTime} /> },
  { name: words.ended, cell: ({ endTime }) => <Time value={endTime} /> },
  { name: words.failure, cell: ({ failure }) => failure },
  { name: adminText.keys.actions, cell: (job) => job.endTime === undefined && <CancelJob job={job} /> },
];

export function JobsPage() {
  const found = useInfiniteQuery(
    JobService.method.listJobs,
    { pageToken: "" },
    {
      ...NEXT_PAGE,
      refetchInterval: ({ state }) => {
        const isGoing = state.data?.pages.some(({ jobs }) => jobs.some(({ endTime }) => endTime === undefined));
        return isGoing ? REFRESH_MS : false;
      },
    },
  );
  return (
    <Page title={words.title} hint={words.hint}>
      <PagedTable
        label={words.listLabel}
        found={found}
        rowsOf={({ jobs }) => jobs}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={{ title: words.empty, hint: words.emptyHint }}
      />
    </Page>
  );
}

function JobProgress({ job }: { job: Job }) {
  const { state, lookedCount, totalCount, heldCount } = job;
  const isDone = state === JobState.SUCCEEDED;
  // More may have come since they were counted.
  const share = isDone || totalCount === 0n ? 100 : Math.min(99, Number((lookedCount * 100n) / totalCount));
  return (
    <div style={{ minWidth: 160 }}>
      <Progress value={isDone || lookedCount > 0n ? share : 0} aria-label={words.progress} />
      <Text size="xs" c="dimmed">
        {progressInWords(job)}
        {heldCount > 0n && `, ${words.held(amount(heldCount))}`}
      </Text>
    </div>
  );
}

function CancelJob({ job: { id } }: { job: Job }) {
  const cancelling = useChange(JobService.method.cancelJob);
  return (
    <ActionButton
      label={words.cancel}
      explanation={words.cancelExplained}
      isDangerous
      running={cancelling}
      act={(_, done) => cancelling.mutate({ jobId: id }, { onSuccess: done })}
    />
  );
}
