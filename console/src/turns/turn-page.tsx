// One turn: what the agent was asked, what came, when, and why it failed.
import { useQuery } from "@connectrpc/connect-query";
import { Alert, Anchor } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { FinishReason, type Turn, TurnSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { useChange } from "../api/use-change.ts";
import { useAccess } from "../auth/use-access.ts";
import { agentText } from "../strings/agents.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { amount, msBetween, span } from "../ui/amounts.ts";
import { Facts } from "../ui/facts.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Page, Section } from "../ui/page.tsx";
import { RawJson } from "../ui/raw-json.tsx";
import { Time } from "../ui/time.tsx";
import { WholeTime } from "../ui/whole-time.tsx";
import { wordOf } from "../ui/word-of.ts";
import { REFRESH_MS, TurnEntries } from "./turn-entries.tsx";
import { hasEnded, TurnBadge, tookOf } from "./turn-words.tsx";

const route = getRouteApi("/shell/turns/$turnId");
const words = agentText.turn;

export function TurnPage() {
  const { turnId } = route.useParams();
  const access = useAccess();
  const found = useQuery(
    TurnService.method.getTurn,
    { turnId },
    { refetchInterval: ({ state }) => (state.data?.turn && hasEnded(state.data.turn) ? false : REFRESH_MS) },
  );
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  const turn = found.data?.turn;
  if (turn === undefined) return <Loading />;
  const isOpen = !hasEnded(turn);
  return (
    <Page title={words.title} actions={isOpen && access.may("writer") && <Cancel turn={turn} />}>
      {turn.failure !== "" && (
        <Alert color="red" title={words.failure} mb="md">
          {turn.failure}
        </Alert>
      )}
      {turn.deltasLost && <Alert mb="md">{words.lost}</Alert>}
      <TurnFacts turn={turn} />
      <RawJson schema={TurnSchema} message={turn} />
      <Section title={words.sent} hint={words.sentHint}>
        <TurnEntries turn={turn} isInput />
      </Section>
      <Section title={words.came} hint={words.cameHint}>
        <TurnEntries turn={turn} />
      </Section>
    </Page>
  );
}

function TurnFacts({ turn }: { turn: Turn }) {
  const { usage, conversationId, previousTurnId } = turn;
  const waited = msBetween(turn.createTime, turn.startTime);
  const counted = (value: bigint | undefined) => (value === undefined ? undefined : amount(value));
  /** Parts of it that most models do not have. */
  const part = (value: bigint | undefined) => (value === 0n ? undefined : counted(value));
  return (
    <Facts
      of={[
        [words.state, <TurnBadge key="state" turn={turn} />],
        [
          words.reason,
          turn.finishReason !== FinishReason.UNSPECIFIED && wordOf(FinishReason, turn.finishReason, words.reasons),
        ],
        [words.agent, <AgentLink key="agent" agentId={turn.agentId} />],
        [
          words.conversation,
          <Anchor
            key="conversation"
            size="sm"
            renderRoot={(props) => <Link to="/conversations/$conversationId" params={{ conversationId }} {...props} />}
          >
            {words.open}
          </Anchor>,
        ],
        [words.requested, <WholeTime key="requested" value={turn.createTime} />],
        [words.waited, waited !== undefined && span(waited)],
        [words.took, tookOf(turn)],
        [words.model, turn.model],
        [words.steps, turn.step > 0 && amount(turn.step)],
        [words.input, counted(usage?.inputTokens)],
        [words.cached, part(usage?.cachedTokens)],
        [words.cacheWritten, part(usage?.cacheWriteTokens)],
        [words.output, counted(usage?.outputTokens)],
        [words.reasoning, part(usage?.reasoningTokens)],
        [words.status, turn.failureStatus > 0 && String(turn.failureStatus)],
        [words.code, turn.failureCode],
        [words.awaited, turn.awaited.map(({ name }) => name).join(", ")],
        [words.awaitedUntil, turn.inputExpireTime && <Time key="until" value={turn.inputExpireTime} />],
        [
          words.previous,
          previousTurnId !== "" && (
            <Anchor
              key="previous"
              size="sm"
              renderRoot={(props) => <Link to="/turns/$turnId" params={{ turnId: previousTurnId }} {...props} />}
            >
              {words.open}
            </Anchor>
          ),
        ],
      ]}
    />
  );
}

/** Its name, where the agent still exists. */
function AgentLink({ agentId }: { agentId: string }) {
  const { data } = useQuery(AgentService.method.getAgent, { agentId }, { retry: false });
  if (data?.agent === undefined) return agentId;
  return (
    <Anchor size="sm" renderRoot={(props) => <Link to="/agents/$agentId" params={{ agentId }} {...props} />}>
      {data.agent.name}
    </Anchor>
  );
}

function Cancel({ turn }: { turn: Turn }) {
  const cancelling = useChange(TurnService.method.cancelTurn);
  return (
    <ActionButton
      label={words.cancel}
      explanation={words.cancelExplained}
      running={cancelling}
      act={(_, done) => cancelling.mutate({ turnId: turn.id }, { onSuccess: done })}
    />
  );
}
