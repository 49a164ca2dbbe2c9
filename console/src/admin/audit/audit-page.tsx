// The audit log, with filters that the address holds.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Anchor, Text } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import { type Actor, ActorType } from "../../../../gen/colloquy/v1/actor_pb.ts";
import type { AuditEntry } from "../../../../gen/colloquy/v1/audit_entry_pb.ts";
import { AuditService } from "../../../../gen/colloquy/v1/audit_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { adminText } from "../../strings/admin.ts";
import { ActorName, AgentName, KeyName } from "../../ui/actor-name.tsx";
import type { Column } from "../../ui/data-table.tsx";
import { MemberName } from "../../ui/member-name.tsx";
import { Page } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { WholeTime } from "../../ui/whole-time.tsx";
import { wordOf } from "../../ui/word-of.ts";
import { AuditChain } from "./audit-chain.tsx";
import { AuditFilters } from "./audit-filters.tsx";
import { auditRequest } from "./audit-search.ts";

const words = adminText.audit;
const route = getRouteApi("/shell/admin/audit");

const COLUMNS: readonly Column<AuditEntry>[] = [
  { name: words.time, cell: ({ createTime }) => <WholeTime value={createTime} /> },
  { name: words.actor, cell: ({ actor }) => actor && <Who actor={actor} /> },
  { name: words.action, cell: ({ action }) => action },
  { name: words.resource, cell: (entry) => <Resource entry={entry} /> },
  { name: words.details, cell: ({ details }) => <Details details={details} /> },
  { name: words.call, cell: (entry) => <Call entry={entry} /> },
];

export function AuditPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const found = useInfiniteQuery(
    AuditService.method.listAuditEntries,
    { pageToken: "", ...auditRequest(search) },
    NEXT_PAGE,
  );
  return (
    <Page title={words.title} hint={words.hint}>
      <AuditChain />
      <AuditFilters key={JSON.stringify(search)} search={search} onChange={(next) => void navigate({ search: next })} />
      <PagedTable
        label={words.listLabel}
        found={found}
        rowsOf={({ auditEntries }) => auditEntries}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={{ title: words.empty, hint: words.emptyHint }}
      />
    </Page>
  );
}

function Who({ actor }: { actor: Actor }) {
  const { type, actingFor } = actor;
  return (
    <>
      <ActorName actor={actor} />
      <Text size="xs" c="dimmed">
        {type !== ActorType.MEMBER && wordOf(ActorType, type, words.actorTypes)}
        {actingFor !== undefined && (
          <>
            , {words.actingFor} <MemberName id={actingFor} />
          </>
        )}
      </Text>
    </>
  );
}

function Resource({ entry: { resourceType, resourceId } }: { entry: AuditEntry }) {
  return (
    <>
      {resourceType}
      <Text size="xs" c="dimmed" title={resourceId} style={{ overflowWrap: "anywhere", minWidth: 140 }}>
        <ResourceName type={resourceType} id={resourceId} />
      </Text>
    </>
  );
}

function ResourceName({ type, id }: { type: string; id: string }) {
  switch (type) {
    case "api_key":
      return <KeyName id={id} />;
    case "agent":
      return <AgentName id={id} />;
    case "member":
      return <MemberName id={id} />;
    case "conversation":
      return (
        <Anchor
          size="xs"
          renderRoot={(props) => (
            <Link to="/conversations/$conversationId" params={{ conversationId: id }} {...props} />
          )}
        >
          {id}
        </Anchor>
      );
    default:
      return id;
  }
}

/** Where it came from, and by which id the server's log names it. */
function Call({ entry: { address, requestId } }: { entry: AuditEntry }) {
  return (
    <>
      {address}
      <Text size="xs" c="dimmed" ff="monospace" style={{ overflowWrap: "anywhere", minWidth: 140 }}>
        {requestId}
      </Text>
    </>
  );
}

function Details({ details }: { details: AuditEntry["details"] }) {
  return (
    <Text size="xs" component="div" style={{ overflowWrap: "anywhere", minWidth: 140 }}>
      {Object.entries(details).map(([name, value]) => (
        <div key={name}>
          {name}: {value}
        </div>
      ))}
    </Text>
  );
}
