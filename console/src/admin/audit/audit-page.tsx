// The audit log, with filters that the address holds.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Anchor, Text } from "@mantine/core";
import { getRouteApi, Link } from "@tanstack/react-router";
import type { AuditEntry } from "../../../../gen/colloquy/v1/audit_entry_pb.ts";
import { AuditService } from "../../../../gen/colloquy/v1/audit_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { adminText } from "../../strings/admin.ts";
import type { Column } from "../../ui/data-table.tsx";
import { Page } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { WholeTime } from "../../ui/whole-time.tsx";
import { AuditFilters } from "./audit-filters.tsx";
import { auditRequest } from "./audit-search.ts";

const words = adminText.audit;
const route = getRouteApi("/shell/admin/audit");

const COLUMNS: readonly Column<AuditEntry>[] = [
  { name: words.time, cell: ({ createTime }) => <WholeTime value={createTime} /> },
  { name: words.actor, cell: ({ actor }) => actor && <Actor {...actor} /> },
  { name: words.action, cell: ({ action }) => action },
  { name: words.resource, cell: (entry) => <Resource entry={entry} /> },
  { name: words.details, cell: ({ details }) => <Details details={details} /> },
  { name: words.address, cell: ({ address }) => address },
  {
    name: words.request,
    cell: ({ requestId }) => (
      <Text size="xs" ff="monospace" style={{ overflowWrap: "anywhere", minWidth: 150 }}>
        {requestId}
      </Text>
    ),
  },
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

function Actor({ id, displayName, actingFor }: { id: string; displayName?: string; actingFor?: string }) {
  return (
    <>
      {displayName || id}
      {actingFor !== undefined && (
        <Text size="xs" c="dimmed">
          {words.actingFor(actingFor)}
        </Text>
      )}
    </>
  );
}

function Resource({ entry: { resourceType, resourceId } }: { entry: AuditEntry }) {
  return (
    <>
      {resourceType}
      <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere", minWidth: 120 }}>
        {resourceType === "conversation" ? (
          <Anchor
            size="xs"
            renderRoot={(props) => (
              <Link to="/conversations/$conversationId" params={{ conversationId: resourceId }} {...props} />
            )}
          >
            {resourceId}
          </Anchor>
        ) : (
          resourceId
        )}
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
