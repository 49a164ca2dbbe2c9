// Sends a test to an endpoint, and says how that ended.
import { Button, Modal } from "@mantine/core";
import { WebhookOutcome } from "../../../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../../../gen/colloquy/v1/webhook_service_pb.ts";
import { useChange } from "../../api/use-change.ts";
import { text } from "../../strings/en.ts";
import { operationsText } from "../../strings/operations.ts";
import { spanOf } from "../../ui/amounts.ts";
import { Facts } from "../../ui/facts.tsx";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { wordOf } from "../../ui/word-of.ts";

const words = operationsText.webhooks;

export function TestEndpoint({ endpointId }: { endpointId: string }) {
  const testing = useChange(WebhookService.method.testWebhookEndpoint);
  const delivery = testing.data?.delivery;
  return (
    <>
      <Button size="xs" variant="default" loading={testing.isPending} onClick={() => testing.mutate({ endpointId })}>
        {words.test}
      </Button>
      <Modal
        opened={delivery !== undefined || testing.isError}
        onClose={testing.reset}
        title={words.testResult}
        lockScroll={false}
        closeButtonProps={{ "aria-label": text.common.close }}
      >
        {testing.isError && <FailureNotice error={testing.error} />}
        {delivery !== undefined && (
          <Facts
            of={[
              [words.outcome, wordOf(WebhookOutcome, delivery.outcome, words.outcomes)],
              [words.status, delivery.status > 0 && String(delivery.status)],
              [words.took, spanOf(delivery.duration)],
              [words.answer, delivery.error || delivery.responseBody],
            ]}
          />
        )}
      </Modal>
    </>
  );
}
