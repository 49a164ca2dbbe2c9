// The agents of the tenant.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Anchor } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { NEXT_PAGE } from "../api/paging.ts";
import { useAccess } from "../auth/use-access.ts";
import { agentText } from "../strings/agents.ts";
import type { Column } from "../ui/data-table.tsx";
import { Page } from "../ui/page.tsx";
import { PagedTable } from "../ui/paged-table.tsx";
import { StateBadge } from "../ui/state-badge.tsx";
import { Time } from "../ui/time.tsx";
import { CreateAgent } from "./agent-form.tsx";
import { connectorName, modelOf } from "./agent-words.ts";

const words = agentText.columns;

const PUBLIC: readonly Column<Agent>[] = [
  {
    name: words.name,
    cell: ({ id, name }) => (
      <Anchor renderRoot={(props) => <Link to="/agents/$agentId" params={{ agentId: id }} {...props} />}>{name}</Anchor>
    ),
  },
  { name: agentText.facts.description, cell: ({ description }) => description },
  { name: words.state, cell: ({ disabled }) => <AgentState disabled={disabled} /> },
  { name: words.changed, cell: ({ updateTime }) => <Time value={updateTime} /> },
];

/** Only administrators get the connector. */
const ALL: readonly Column<Agent>[] = [
  ...PUBLIC.slice(0, 2),
  { name: words.connector, cell: connectorName },
  { name: words.model, cell: modelOf },
  ...PUBLIC.slice(2),
];

export function AgentsPage() {
  const access = useAccess();
  const navigate = useNavigate();
  const isAdmin = access.may("administrator");
  const found = useInfiniteQuery(AgentService.method.listAgents, { pageToken: "" }, NEXT_PAGE);
  const open = ({ id }: Agent) => void navigate({ to: "/agents/$agentId", params: { agentId: id } });
  return (
    <Page title={agentText.title} hint={agentText.hint} actions={isAdmin && <CreateAgent onCreated={open} />}>
      <PagedTable
        label={agentText.listLabel}
        found={found}
        rowsOf={({ agents }) => agents}
        columns={isAdmin ? ALL : PUBLIC}
        keyOf={({ id }) => id}
        empty={{ title: agentText.empty, hint: isAdmin ? agentText.emptyHint : agentText.emptyReader }}
      />
    </Page>
  );
}

export function AgentState({ disabled }: { disabled: boolean }) {
  const { states } = agentText;
  return disabled ? (
    <StateBadge tone="plain">{states.disabled}</StateBadge>
  ) : (
    <StateBadge tone="good">{states.enabled}</StateBadge>
  );
}
