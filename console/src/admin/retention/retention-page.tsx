// How long conversations are kept: the policies, and what their runs did.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import {
  RetentionAction,
  RetentionBasis,
  type RetentionPolicy,
  type RetentionRun,
} from "../../../../gen/colloquy/v1/retention_pb.ts";
import { RetentionService } from "../../../../gen/colloquy/v1/retention_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { useChange } from "../../api/use-change.ts";
import { operationsText } from "../../strings/operations.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import { amount } from "../../ui/amounts.ts";
import type { Column } from "../../ui/data-table.tsx";
import { Page, Section } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { Time } from "../../ui/time.tsx";
import { wordOf } from "../../ui/word-of.ts";
import { matchInWords } from "../match-words.ts";
import { CreatePolicy } from "./create-policy.tsx";

const words = operationsText.retention;

const POLICIES: readonly Column<RetentionPolicy>[] = [
  { name: words.priority, cell: ({ priority }) => String(priority), isNumber: true },
  { name: words.name, cell: ({ displayName }) => displayName },
  { name: words.about, cell: ({ match }) => matchInWords(match) || words.all },
  { name: words.action, cell: ({ action }) => wordOf(RetentionAction, action, words.actions) },
  {
    name: words.basis,
    cell: ({ basis, action }) => action !== RetentionAction.KEEP && wordOf(RetentionBasis, basis, BASES),
  },
  { name: words.age, cell: ({ ageDays }) => (ageDays > 0 ? amount(ageDays) : ""), isNumber: true },
  { name: words.next, cell: ({ nextRunTime }) => <Time value={nextRunTime} /> },
  { name: words.actionsLabel, cell: (policy) => <DeletePolicy policy={policy} /> },
];

const RUNS: readonly Column<RetentionRun>[] = [
  { name: words.began, cell: ({ startTime }) => <Time value={startTime} /> },
  { name: words.name, cell: ({ displayName }) => displayName },
  { name: words.ended, cell: ({ endTime }) => <Time value={endTime} /> },
  { name: words.deleted, cell: ({ deletedCount }) => amount(deletedCount), isNumber: true },
  { name: words.purged, cell: ({ purgedCount }) => amount(purgedCount), isNumber: true },
  { name: words.erased, cell: ({ erasedCount }) => amount(erasedCount), isNumber: true },
  { name: words.held, cell: ({ heldCount }) => amount(heldCount), isNumber: true },
  { name: words.failed, cell: ({ failedCount }) => amount(failedCount), isNumber: true },
];

const BASES = { ...words.bases, UNSPECIFIED: words.bases.LAST_MESSAGE };

export function RetentionPage() {
  const policies = useInfiniteQuery(RetentionService.method.listRetentionPolicies, { pageToken: "" }, NEXT_PAGE);
  const runs = useInfiniteQuery(RetentionService.method.listRetentionRuns, { pageToken: "" }, NEXT_PAGE);
  return (
    <Page title={words.title} hint={words.hint} actions={<CreatePolicy />}>
      <PagedTable
        label={words.listLabel}
        found={policies}
        rowsOf={({ retentionPolicies }) => retentionPolicies}
        columns={POLICIES}
        keyOf={({ id }) => id}
        empty={{ title: words.empty, hint: words.emptyHint }}
      />
      <Section title={words.runs}>
        <PagedTable
          label={words.runsLabel}
          found={runs}
          rowsOf={({ retentionRuns }) => retentionRuns}
          columns={RUNS}
          keyOf={({ id }) => id}
          empty={{ title: words.noRun, hint: words.noRunHint }}
        />
      </Section>
    </Page>
  );
}

function DeletePolicy({ policy: { id, displayName } }: { policy: RetentionPolicy }) {
  const deleting = useChange(RetentionService.method.deleteRetentionPolicy);
  return (
    <ActionButton
      label={words.delete}
      title={words.deleteTitle(displayName)}
      explanation={words.deleteExplained}
      isDangerous
      running={deleting}
      act={(_, done) => deleting.mutate({ retentionPolicyId: id }, { onSuccess: done })}
    />
  );
}
