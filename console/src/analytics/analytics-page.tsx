// Figures of the tenant: what it has, and what was added day by day.
import { useQuery } from "@connectrpc/connect-query";
import { Button, NativeSelect } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import type { DailyActivity, TenantAnalytics } from "../../../gen/colloquy/v1/analytics_pb.ts";
import { AnalyticsService } from "../../../gen/colloquy/v1/analytics_service_pb.ts";
import { Allowed } from "../app/allowed.tsx";
import { analyticsText } from "../strings/analytics.ts";
import { amount } from "../ui/amounts.ts";
import { Bars } from "../ui/bars.tsx";
import charts from "../ui/charts.module.css";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Facts } from "../ui/facts.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Page, Section } from "../ui/page.tsx";
import { dayInWords, dayOf, daysAsCsv, tokensOf } from "./days.ts";

const words = analyticsText;
const route = getRouteApi("/shell/analytics");
const PERIODS = Object.entries(words.periods).map(([value, label]) => ({ value, label }));

const ACTIVITY: readonly Column<DailyActivity>[] = [
  { name: words.day, cell: dayInWords },
  { name: words.newConversations, cell: ({ conversationCount }) => amount(conversationCount), isNumber: true },
  { name: words.sentMessages, cell: ({ messageCount }) => amount(messageCount), isNumber: true },
];

/** Where an agent has said what it used. */
const USAGE: readonly Column<DailyActivity>[] = [
  { name: words.input, cell: ({ usage }) => usage && amount(usage.inputTokens), isNumber: true },
  { name: words.cached, cell: ({ usage }) => usage && amount(usage.cachedTokens), isNumber: true },
  { name: words.output, cell: ({ usage }) => usage && amount(usage.outputTokens), isNumber: true },
];

export function AnalyticsPage() {
  const { days = "30" } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Allowed need="analyst">
      <Page
        title={words.title}
        hint={words.hint}
        actions={
          <NativeSelect
            size="xs"
            aria-label={words.period}
            data={PERIODS}
            value={days}
            onChange={({ currentTarget: { value } }) => void navigate({ search: { days: value } })}
          />
        }
      >
        <Figures dayCount={Number(days)} />
      </Page>
    </Allowed>
  );
}

function Figures({ dayCount }: { dayCount: number }) {
  const found = useQuery(AnalyticsService.method.getTenantAnalytics, { dayCount });
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  const figures = found.data?.analytics;
  if (figures === undefined) return <Loading />;
  const hasUsage = figures.days.some(({ usage }) => usage !== undefined);
  return (
    <>
      <Totals figures={figures} />
      <div className={charts.charts}>
        <DayBars title={words.newConversations} days={figures.days} of={(day) => day.conversationCount} />
        <DayBars title={words.sentMessages} days={figures.days} of={(day) => day.messageCount} />
        {hasUsage && <DayBars title={words.tokens} days={figures.days} of={tokensOf} />}
      </div>
      <Section title={words.days} actions={<Download days={figures.days} />}>
        <DataTable
          label={words.daysLabel}
          columns={hasUsage ? [...ACTIVITY, ...USAGE] : ACTIVITY}
          rows={figures.days.toReversed()}
          keyOf={dayOf}
        />
      </Section>
    </>
  );
}

function Totals({ figures: { conversations, messageCount, memberCount } }: { figures: TenantAnalytics }) {
  const counted = (count: bigint | undefined) => amount(count ?? 0n);
  return (
    <Facts
      of={[
        [words.conversations, counted(conversations?.total)],
        [words.active, counted(conversations?.active)],
        [words.archived, counted(conversations?.archived)],
        [words.closed, counted(conversations?.closed)],
        [words.deleted, counted(conversations?.deleted)],
        [words.messages, amount(messageCount)],
        [words.members, amount(memberCount)],
      ]}
    />
  );
}

interface DayBarsProps {
  readonly title: string;
  readonly days: readonly DailyActivity[];
  readonly of: (day: DailyActivity) => bigint;
}

function DayBars({ title, days, of }: DayBarsProps) {
  const [first, last] = [days.at(0), days.at(-1)];
  if (first === undefined || last === undefined) return null;
  const values = days.map((day) => Number(of(day)));
  const bars = days.map((day, index) => {
    const value = values[index] ?? 0;
    return { key: dayOf(day), value, label: `${dayInWords(day)}: ${amount(value)}` };
  });
  return (
    <Bars
      title={title}
      bars={bars}
      sum={words.sum(amount(values.reduce((sum, value) => sum + value, 0)))}
      maximum={words.most(amount(Math.max(...values)))}
      ends={[dayInWords(first), dayInWords(last)]}
    />
  );
}

function Download({ days }: { days: readonly DailyActivity[] }) {
  const download = () => {
    // With a byte order mark, without which spreadsheets take another encoding.
    const url = URL.createObjectURL(new Blob(["\uFEFF", daysAsCsv(days)], { type: "text/csv;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `colloquy-${days[0] ? dayOf(days[0]) : ""}-${days.length}-days.csv`;
    link.click();
    URL.revokeObjectURL(url);
  };
  return (
    <Button size="xs" variant="default" onClick={download}>
      {words.download}
    </Button>
  );
}
