// One endpoint: how far it is, what it was sent, and what one can do to it.
import { useQuery } from "@connectrpc/connect-query";
import { Alert } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { type WebhookEndpoint, WebhookEndpointSchema } from "../../../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../../../gen/colloquy/v1/webhook_service_pb.ts";
import { text } from "../../strings/en.ts";
import { operationsText } from "../../strings/operations.ts";
import { Facts } from "../../ui/facts.tsx";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { Loading } from "../../ui/loading.tsx";
import { Page } from "../../ui/page.tsx";
import { RawJson } from "../../ui/raw-json.tsx";
import { SecretOnce } from "../../ui/secret-once.tsx";
import { Time } from "../../ui/time.tsx";
import { Deliveries } from "./deliveries.tsx";
import { EndpointActions } from "./endpoint-actions.tsx";
import { EndpointState } from "./endpoint-state.tsx";

const words = operationsText.webhooks;
const route = getRouteApi("/shell/admin/webhooks/$endpointId");
/** It moves without anybody's doing. */
const REFRESH_MS = 5_000;

export function EndpointPage() {
  const { endpointId } = route.useParams();
  const [secret, setSecret] = useState<string>();
  const found = useQuery(WebhookService.method.getWebhookEndpoint, { endpointId }, { refetchInterval: REFRESH_MS });
  if (found.isError) return <FailureNotice error={found.error} onRetry={() => void found.refetch()} />;
  const endpoint = found.data?.endpoint;
  if (endpoint === undefined) return <Loading />;
  return (
    <Page
      title={endpoint.target.value ?? endpoint.id}
      actions={<EndpointActions endpoint={endpoint} onSecret={setSecret} />}
    >
      {endpoint.stateReason !== "" && (
        <Alert color="red" mb="md" title={words.states.DISABLED}>
          {endpoint.stateReason}
        </Alert>
      )}
      <EndpointFacts endpoint={endpoint} />
      <RawJson schema={WebhookEndpointSchema} message={endpoint} />
      <Deliveries endpointId={endpoint.id} refreshMs={REFRESH_MS} />
      <SecretOnce secret={secret} onClose={() => setSecret(undefined)} />
    </Page>
  );
}

function EndpointFacts({ endpoint }: { endpoint: WebhookEndpoint }) {
  const { progress } = endpoint;
  return (
    <Facts
      of={[
        [words.state, <EndpointState key="state" endpoint={endpoint} />],
        [words.description, endpoint.description],
        [words.types, endpoint.eventTypes.join(", ") || words.all],
        [words.batch, String(endpoint.batchSize || 1)],
        [words.headers, endpoint.headerNames.join(", ")],
        [words.replaying, progress?.replaying && text.common.yes],
        [words.lastSuccess, progress?.lastSuccessTime && <Time key="success" value={progress.lastSuccessTime} />],
        [words.lastFailure, progress?.lastFailureTime && <Time key="failure" value={progress.lastFailureTime} />],
        [words.failingSince, progress?.failingSince && <Time key="since" value={progress.failingSince} />],
        [words.failures, progress !== undefined && progress.failures > 0 && String(progress.failures)],
        [words.nextAttempt, progress?.nextAttemptTime && <Time key="next" value={progress.nextAttemptTime} />],
        [
          words.secretUntil,
          endpoint.previousSecretExpireTime && <Time key="secret" value={endpoint.previousSecretExpireTime} />,
        ],
      ]}
    />
  );
}
