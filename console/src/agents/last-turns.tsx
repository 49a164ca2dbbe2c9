// How an agent did lately: how long its turns took, which of them failed, and why.
import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { agentText } from "../strings/agents.ts";
import { msOf, TurnBadge, tokensOf, tookOf } from "../turns/turn-words.tsx";
import { median, span } from "../ui/amounts.ts";
import { Bars } from "../ui/bars.tsx";
import { type Column, DataTable } from "../ui/data-table.tsx";
import { Empty } from "../ui/empty.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Section } from "../ui/page.tsx";
import { Time } from "../ui/time.tsx";
import { LATEST_OF_ALL, useLastTurns } from "./use-last-turns.ts";

const words = agentText.turn;

const COLUMNS: readonly Column<Turn>[] = [
  {
    name: words.requested,
    cell: ({ id, createTime }) => (
      <Anchor renderRoot={(props) => <Link to="/turns/$turnId" params={{ turnId: id }} {...props} />}>
        <Time value={createTime} />
      </Anchor>
    ),
  },
  { name: words.state, cell: (turn) => <TurnBadge turn={turn} /> },
  { name: words.took, cell: tookOf, isNumber: true },
  { name: words.tokens, cell: tokensOf, isNumber: true },
  { name: words.model, cell: ({ model }) => model },
  { name: words.failedShort, cell: ({ failure }) => failure },
];

export function LastTurns({ agent }: { agent: Agent }) {
  const { turns, conversations, error } = useLastTurns(agent);
  return (
    <Section
      title={agentText.last.title}
      hint={turns?.length ? agentText.last.hint(conversations, LATEST_OF_ALL.pageSize) : undefined}
    >
      {error !== undefined ? <FailureNotice error={error} /> : <Turns turns={turns} />}
    </Section>
  );
}

function Turns({ turns }: { turns: readonly Turn[] | undefined }) {
  if (turns === undefined) return <Loading />;
  if (turns.length === 0) return <Empty title={agentText.last.empty}>{agentText.last.emptyHint}</Empty>;
  return (
    <>
      <Durations turns={turns} />
      <div style={{ height: 12 }} />
      <DataTable label={agentText.last.label} columns={COLUMNS} rows={turns} keyOf={({ id }) => id} />
    </>
  );
}

function Durations({ turns }: { turns: readonly Turn[] }) {
  const took = turns.map((turn) => msOf(turn)).filter((ms) => ms !== undefined);
  const failed = turns.filter(({ state }) => state === TurnState.FAILED).length;
  if (took.length === 0) return null;
  const bars = turns.toReversed().map((turn) => ({
    key: turn.id,
    value: msOf(turn) ?? 0,
    label: tookOf(turn) ?? "",
    isBad: turn.state === TurnState.FAILED,
  }));
  return (
    <Bars
      title={agentText.last.chart}
      bars={bars}
      room={24}
      sum={agentText.last.summary(turns.length, failed, span(median(took) ?? 0))}
      maximum={agentText.last.longest(span(Math.max(...took)))}
    />
  );
}
