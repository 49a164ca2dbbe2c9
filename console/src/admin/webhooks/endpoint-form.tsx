// Creates an endpoint, or changes one.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { NativeSelect, TextInput } from "@mantine/core";
import type { WebhookEndpoint, WebhookEndpointSchema } from "../../../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../../../gen/colloquy/v1/webhook_service_pb.ts";
import { useChange } from "../../api/use-change.ts";
import { text } from "../../strings/en.ts";
import { operationsText } from "../../strings/operations.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import type { FormFields } from "../../ui/dialog-form.tsx";
import { KeptEtag } from "../../ui/kept-etag.tsx";

const words = operationsText.webhooks;

export function CreateEndpoint({ onSecret }: { onSecret: (secret: string) => void }) {
  const creating = useChange(WebhookService.method.createWebhookEndpoint, ({ secret }) => onSecret(secret));
  return (
    <ActionButton
      label={words.create}
      submit={text.common.create}
      isPrimary
      running={creating}
      act={(fields, done) => {
        const place = { place: { case: "beginning", value: true } } as const;
        const start = fields.one("start") === "beginning" ? { start: place } : {};
        creating.mutate({ endpoint: endpointFrom(fields), ...start }, { onSuccess: done });
      }}
    >
      <EndpointFields />
      <NativeSelect
        name="start"
        label={words.start}
        data={Object.entries(words.starts).map(([value, label]) => ({ value, label }))}
      />
    </ActionButton>
  );
}

export function EditEndpoint({ endpoint }: { endpoint: WebhookEndpoint }) {
  const changing = useChange(WebhookService.method.updateWebhookEndpoint);
  return (
    <ActionButton
      label={text.common.edit}
      title={words.edit}
      submit={text.common.save}
      running={changing}
      act={(fields, done) => {
        const updateMask = { paths: ["url", "description", "event_types", "batch_size"] };
        const request = {
          endpointId: endpoint.id,
          endpoint: endpointFrom(fields),
          updateMask,
          etag: fields.one("etag"),
        };
        changing.mutate(request, { onSuccess: done });
      }}
    >
      <EndpointFields endpoint={endpoint} />
    </ActionButton>
  );
}

function EndpointFields({ endpoint }: { endpoint?: WebhookEndpoint }) {
  return (
    <>
      {endpoint !== undefined && <KeptEtag value={endpoint.etag} />}
      <TextInput
        name="url"
        label={words.url}
        description={words.urlHint}
        defaultValue={endpoint?.target.value}
        required
        maxLength={2000}
        inputMode="url"
        data-autofocus
      />
      <TextInput name="description" label={words.description} defaultValue={endpoint?.description} maxLength={2000} />
      <TextInput
        name="types"
        label={words.types}
        description={words.typesHint}
        defaultValue={endpoint?.eventTypes.join(", ")}
      />
      <TextInput
        name="batch"
        label={words.batch}
        description={words.batchHint}
        defaultValue={endpoint?.batchSize || ""}
        type="number"
        min={1}
        max={500}
      />
    </>
  );
}

function endpointFrom(fields: FormFields): MessageInitShape<typeof WebhookEndpointSchema> {
  return {
    target: { case: "url", value: fields.one("url") },
    description: fields.one("description"),
    eventTypes: fields
      .one("types")
      .split(/[\s,]+/)
      .filter(Boolean),
    batchSize: Math.trunc(Number(fields.one("batch"))) || 0,
  };
}
