// The endpoints that the tenant's events are sent to.
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { WebhookEndpoint } from "../../../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../../../gen/colloquy/v1/webhook_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { operationsText } from "../../strings/operations.ts";
import { amount } from "../../ui/amounts.ts";
import type { Column } from "../../ui/data-table.tsx";
import { Page } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { SecretOnce } from "../../ui/secret-once.tsx";
import { Time } from "../../ui/time.tsx";
import { CreateEndpoint } from "./endpoint-form.tsx";
import { EndpointState } from "./endpoint-state.tsx";

const words = operationsText.webhooks;

const COLUMNS: readonly Column<WebhookEndpoint>[] = [
  {
    name: words.url,
    cell: ({ id, target }) => (
      <Anchor
        display="block"
        truncate="end"
        title={target.value}
        renderRoot={(props) => <Link to="/admin/webhooks/$endpointId" params={{ endpointId: id }} {...props} />}
      >
        {target.value ?? id}
      </Anchor>
    ),
  },
  { name: words.description, cell: ({ description }) => description },
  { name: words.state, cell: (endpoint) => <EndpointState endpoint={endpoint} /> },
  { name: words.types, cell: ({ eventTypes }) => eventTypes.join(", ") || words.all },
  { name: words.lastSuccess, cell: ({ progress }) => <Time value={progress?.lastSuccessTime} /> },
  { name: words.failures, cell: ({ progress }) => amount(progress?.failures ?? 0), isNumber: true },
];

export function WebhooksPage() {
  const [secret, setSecret] = useState<string>();
  const found = useInfiniteQuery(WebhookService.method.listWebhookEndpoints, { pageToken: "" }, NEXT_PAGE);
  return (
    <Page title={words.title} hint={words.hint} actions={<CreateEndpoint onSecret={setSecret} />}>
      <PagedTable
        label={words.listLabel}
        found={found}
        rowsOf={({ endpoints }) => endpoints}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={{ title: words.empty, hint: words.emptyHint }}
      />
      <SecretOnce secret={secret} onClose={() => setSecret(undefined)} />
    </Page>
  );
}
