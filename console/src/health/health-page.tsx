// How the server does: what it works on, how fast, and what waits.
import { useQuery } from "@tanstack/react-query";
import { Allowed } from "../app/allowed.tsx";
import { serverConfig } from "../auth/server-config.ts";
import { healthText } from "../strings/health.ts";
import { amount, span } from "../ui/amounts.ts";
import { Bars } from "../ui/bars.tsx";
import charts from "../ui/charts.module.css";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Empty } from "../ui/empty.tsx";
import { Facts } from "../ui/facts.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Page, Section } from "../ui/page.tsx";
import { type Figures, followers, type MethodFigures, methodsOf, type Quantile, running, total } from "./figures.ts";
import { type Reading, useFigures } from "./use-figures.ts";

const words = healthText;

export function HealthPage() {
  return (
    <Allowed need="administrator">
      <Page title={words.title} hint={words.hint}>
        <Health />
      </Page>
    </Allowed>
  );
}

function Health() {
  const { figures, readings, isHidden, error, retry } = useFigures();
  if (isHidden) return <Empty title={words.hidden}>{words.hiddenHint}</Empty>;
  if (figures === undefined) return error === undefined ? <Loading /> : <FailureNotice error={error} onRetry={retry} />;
  return (
    <>
      <Now figures={figures} />
      <Course readings={readings} />
      <Section title={words.methods} hint={words.methodsHint}>
        <DataTable
          label={words.methodsLabel}
          columns={COLUMNS}
          rows={methodsOf(figures)}
          keyOf={({ method }) => method}
        />
      </Section>
    </>
  );
}

function Now({ figures }: { figures: Figures }) {
  const config = useQuery(serverConfig);
  const started = total(figures, "process_start_time_seconds");
  const counted = (name: string, label?: readonly [string, RegExp]) => {
    const value = total(figures, name, label);
    return value === undefined ? undefined : amount(Math.round(value));
  };
  const timed = (name: string) => {
    const seconds = total(figures, name);
    return seconds === undefined ? undefined : span(seconds * 1_000);
  };
  const bytes = total(figures, "process_resident_memory_bytes");
  const shed = total(figures, "colloquy_shed_share");
  return (
    <Facts
      of={[
        [words.version, config.data?.version],
        [words.uptime, started !== undefined && span(Date.now() - started * 1_000)],
        [words.connections, counted("nodejs_active_resources", ["type", /^TCPSocketWrap$/])],
        [words.running, amount(running(figures))],
        [words.followers, amount(followers(figures))],
        [words.loop, timed("nodejs_eventloop_lag_p99_seconds")],
        [words.memory, bytes !== undefined && `${amount(Math.round(bytes / 2 ** 20))} MiB`],
        [words.databaseBusy, counted("colloquy_database_connections", ["state", /^busy$/])],
        [words.databaseWaiting, counted("colloquy_database_waiting")],
        [words.shed, shed !== undefined && `${amount(Math.round(shed * 100))} %`],
        [words.backlog, counted("colloquy_webhook_backlog_entries")],
        [words.backlogAge, timed("colloquy_webhook_backlog_oldest_seconds")],
      ]}
    />
  );
}

function Course({ readings }: { readings: readonly Reading[] }) {
  const perSecond = (value: number) => amount(Math.round(value * 10) / 10);
  const milliseconds = (quantile: Quantile | undefined) => (quantile?.seconds ?? 0) * 1_000;
  return (
    <div className={charts.charts}>
      <Line title={words.calls} readings={readings} of={({ calls }) => calls} inWords={perSecond} />
      <Line title={words.failures} readings={readings} of={({ failures }) => failures} inWords={perSecond} isBad />
      <Line title={words.median} readings={readings} of={({ median }) => milliseconds(median)} inWords={span} />
      <Line title={words.p99} readings={readings} of={({ p99 }) => milliseconds(p99)} inWords={span} />
    </div>
  );
}

interface LineProps {
  readonly title: string;
  readonly readings: readonly Reading[];
  readonly of: (rates: Reading["rates"]) => number;
  readonly inWords: (value: number) => string;
  readonly isBad?: boolean;
}

/** The bars begin at the left and fill the width, however few there are. */
const MIN_BARS = 24;

function Line({ title, readings, of, inWords, isBad = false }: LineProps) {
  const values = readings.map(({ rates }) => of(rates));
  const last = values.at(-1);
  const bars = readings.map(({ at }, index) => {
    const value = values[index] ?? 0;
    return { key: String(at), value, label: inWords(value), isBad };
  });
  return (
    <Bars
      title={title}
      bars={bars}
      room={MIN_BARS}
      sum={last === undefined ? words.waiting : words.now(inWords(last))}
      maximum={last === undefined ? "" : words.most(inWords(Math.max(...values)))}
    />
  );
}

const COLUMNS: readonly Column<MethodFigures>[] = [
  { name: words.method, cell: ({ method }) => method },
  { name: words.count, cell: ({ calls }) => amount(calls), isNumber: true },
  { name: words.failed, cell: ({ failed }) => amount(failed), isNumber: true },
  { name: words.median, cell: ({ median }) => inWords(median), isNumber: true },
  { name: words.p99, cell: ({ p99 }) => inWords(p99), isNumber: true },
];

function inWords(quantile: Quantile | undefined): string | undefined {
  if (quantile === undefined) return undefined;
  const bound = span(quantile.seconds * 1_000);
  return quantile.isOver ? words.over(bound) : words.upTo(bound);
}
