// One agent: what it is, how it does, and a place to try it.
import { useQuery } from "@connectrpc/connect-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { type Agent, AgentSchema } from "../../../gen/colloquy/v1/agent_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { useChange } from "../api/use-change.ts";
import { useAccess } from "../auth/use-access.ts";
import { agentText } from "../strings/agents.ts";
import { ActionButton } from "../ui/action-button.tsx";
import { spanOf } from "../ui/amounts.ts";
import { Facts, LongFact } from "../ui/facts.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Page, Section } from "../ui/page.tsx";
import { RawJson } from "../ui/raw-json.tsx";
import { EditAgent } from "./agent-form.tsx";
import { addressOf, connectorName, instructionsOf, modelOf } from "./agent-words.ts";
import { AgentState } from "./agents-page.tsx";
import { LastTurns } from "./last-turns.tsx";
import { TryOut } from "./try-out.tsx";

const route = getRouteApi("/shell/agents/$agentId");
const words = agentText.facts;

export function AgentPage() {
  const { agentId } = route.useParams();
  const access = useAccess();
  const found = useQuery(AgentService.method.getAgent, { agentId });
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  const agent = found.data?.agent;
  if (agent === undefined) return <Loading />;
  const isAdmin = access.may("administrator");
  return (
    <Page title={agent.name} actions={isAdmin && <Actions agent={agent} />}>
      <AgentFacts agent={agent} isAdmin={isAdmin} />
      {access.may("writer") && !agent.disabled && (
        <Section title={agentText.tryOut.title} hint={agentText.tryOut.hint}>
          <TryOut agent={agent} />
        </Section>
      )}
      <LastTurns agent={agent} />
    </Page>
  );
}

function AgentFacts({ agent, isAdmin }: { agent: Agent; isAdmin: boolean }) {
  const instructions = instructionsOf(agent);
  const credential = agent.hasCredential ? words.stored : words.none;
  return (
    <>
      <Facts
        of={[
          [agentText.columns.state, <AgentState key="state" disabled={agent.disabled} />],
          [words.description, agent.description],
          [agentText.columns.connector, connectorName(agent)],
          [agentText.columns.model, modelOf(agent)],
          [words.url, addressOf(agent)],
          [words.credential, isAdmin && credential],
          [words.idleTimeout, spanOf(agent.idleTimeout)],
          [words.timeout, spanOf(agent.timeout)],
          [words.inputTimeout, spanOf(agent.inputTimeout)],
          [words.tools, agent.tools.map(({ name }) => name).join(", ")],
          [words.servers, agent.mcpServers.map(({ name }) => name).join(", ")],
          [words.id, agent.id],
          [words.instructions, instructions && <LongFact key="instructions">{instructions}</LongFact>],
        ]}
      />
      <RawJson schema={AgentSchema} message={agent} />
    </>
  );
}

function Actions({ agent }: { agent: Agent }) {
  const { id, etag, disabled } = agent;
  const navigate = useNavigate();
  const changing = useChange(AgentService.method.updateAgent);
  const deleting = useChange(AgentService.method.deleteAgent, () => void navigate({ to: "/agents" }));
  return (
    <>
      <EditAgent agent={agent} />
      <ActionButton
        label={disabled ? agentText.enable : agentText.disable}
        explanation={disabled ? agentText.enableExplained : agentText.disableExplained}
        running={changing}
        act={(_, done) =>
          changing.mutate(
            { agentId: id, agent: { disabled: !disabled }, updateMask: { paths: ["disabled"] }, etag },
            { onSuccess: done },
          )
        }
      />
      <ActionButton
        label={agentText.delete}
        title={agentText.deleteTitle(agent.name)}
        explanation={agentText.deleteExplained}
        isDangerous
        running={deleting}
        act={(_, done) => deleting.mutate({ agentId: id, etag }, { onSuccess: done })}
      />
    </>
  );
}
