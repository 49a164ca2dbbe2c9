// The latest attempts of an endpoint.
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { useInfiniteQuery } from "@connectrpc/connect-query";
import { Switch, Text } from "@mantine/core";
import { useState } from "react";
import { type WebhookDelivery, WebhookOutcome } from "../../../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../../../gen/colloquy/v1/webhook_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { operationsText } from "../../strings/operations.ts";
import { amount, spanOf } from "../../ui/amounts.ts";
import type { Column } from "../../ui/data-table.tsx";
import { Section } from "../../ui/page.tsx";
import { PagedTable } from "../../ui/paged-table.tsx";
import { StateBadge } from "../../ui/state-badge.tsx";
import { Time } from "../../ui/time.tsx";
import { WholeTime } from "../../ui/whole-time.tsx";
import { wordOf } from "../../ui/word-of.ts";

const words = operationsText.webhooks;

const COLUMNS: readonly Column<WebhookDelivery>[] = [
  { name: words.time, cell: ({ createTime }) => <WholeTime value={createTime} /> },
  {
    name: words.outcome,
    cell: (delivery) => <Outcome delivery={delivery} />,
  },
  { name: words.status, cell: ({ status }) => (status > 0 ? String(status) : ""), isNumber: true },
  { name: words.took, cell: ({ duration }) => spanOf(duration), isNumber: true },
  { name: words.events, cell: ({ eventCount }) => amount(eventCount), isNumber: true },
  { name: words.answer, cell: ({ error, responseBody }) => <Answer text={error || responseBody} /> },
  { name: words.again, cell: ({ nextAttemptTime }) => <Time value={nextAttemptTime} /> },
  { name: words.webhookId, cell: ({ webhookId }) => <Answer text={webhookId} /> },
];

export function Deliveries({ endpointId, refreshMs }: { endpointId: string; refreshMs: number }) {
  const [failedOnly, setFailedOnly] = useState(false);
  const found = useInfiniteQuery(
    WebhookService.method.listWebhookDeliveries,
    { endpointId, failedOnly, pageToken: "" },
    { ...NEXT_PAGE, refetchInterval: refreshMs },
  );
  return (
    <Section
      title={words.deliveries}
      hint={words.deliveriesHint}
      actions={
        <Switch
          size="sm"
          label={words.failedOnly}
          checked={failedOnly}
          onChange={({ currentTarget }) => setFailedOnly(currentTarget.checked)}
        />
      }
    >
      <PagedTable
        label={words.deliveriesLabel}
        found={found}
        rowsOf={({ deliveries }) => deliveries}
        columns={COLUMNS}
        keyOf={({ id }) => id}
        empty={{ title: words.noDelivery, hint: words.noDeliveryHint }}
      />
    </Section>
  );
}

function Outcome({ delivery: { outcome, nextAttemptTime } }: { delivery: WebhookDelivery }) {
  const isWaiting = nextAttemptTime !== undefined && timestampMs(nextAttemptTime) > Date.now();
  return (
    <>
      <StateBadge tone={outcome === WebhookOutcome.SUCCEEDED ? "good" : "bad"}>
        {wordOf(WebhookOutcome, outcome, words.outcomes)}
      </StateBadge>
      {isWaiting && (
        <Text size="xs" c="dimmed">
          {words.retrying}
        </Text>
      )}
    </>
  );
}

function Answer({ text }: { text: string }) {
  return (
    <Text size="xs" lineClamp={3} title={text} style={{ overflowWrap: "anywhere", minWidth: 100 }}>
      {text}
    </Text>
  );
}
