// Pauses, resumes, tests, replays, rotates and deletes an endpoint.
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { NativeSelect, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { type WebhookEndpoint, WebhookState } from "../../../../gen/colloquy/v1/webhook_pb.ts";
import { WebhookService } from "../../../../gen/colloquy/v1/webhook_service_pb.ts";
import { useChange } from "../../api/use-change.ts";
import { operationsText } from "../../strings/operations.ts";
import { ActionButton } from "../../ui/action-button.tsx";
import type { FormFields } from "../../ui/dialog-form.tsx";
import { EditEndpoint } from "./endpoint-form.tsx";
import { TestEndpoint } from "./test-endpoint.tsx";

const words = operationsText.webhooks;
const { method } = WebhookService;

export interface EndpointActionsProps {
  readonly endpoint: WebhookEndpoint;
  readonly onSecret: (secret: string) => void;
}

export function EndpointActions({ endpoint, onSecret }: EndpointActionsProps) {
  const { id: endpointId, etag } = endpoint;
  const navigate = useNavigate();
  const rotating = useChange(method.rotateWebhookSecret, ({ secret }) => onSecret(secret));
  const deleting = useChange(method.deleteWebhookEndpoint, () => void navigate({ to: "/admin/webhooks" }));
  return (
    <>
      <EditEndpoint endpoint={endpoint} />
      <TestEndpoint endpointId={endpointId} />
      <PauseOrResume endpoint={endpoint} />
      <Replay endpointId={endpointId} />
      <ActionButton
        label={words.rotate}
        explanation={words.rotateExplained}
        running={rotating}
        act={(_, done) => rotating.mutate({ endpointId }, { onSuccess: done })}
      />
      <ActionButton
        label={words.delete}
        title={words.deleteTitle(endpoint.description || (endpoint.target.value ?? endpointId))}
        explanation={words.deleteExplained}
        isDangerous
        running={deleting}
        act={(_, done) => deleting.mutate({ endpointId, etag }, { onSuccess: done })}
      />
    </>
  );
}

function PauseOrResume({ endpoint: { id: endpointId, state } }: { endpoint: WebhookEndpoint }) {
  const pausing = useChange(method.pauseWebhookEndpoint);
  const resuming = useChange(method.resumeWebhookEndpoint);
  if (state === WebhookState.ACTIVE) {
    return (
      <ActionButton
        key="pause"
        label={words.pause}
        explanation={words.pauseExplained}
        running={pausing}
        act={(_, done) => pausing.mutate({ endpointId }, { onSuccess: done })}
      />
    );
  }
  return (
    <ActionButton
      key="resume"
      label={words.resume}
      explanation={words.resumeExplained}
      running={resuming}
      act={(_, done) => resuming.mutate({ endpointId }, { onSuccess: done })}
    />
  );
}

function Replay({ endpointId }: { endpointId: string }) {
  const replaying = useChange(method.replayWebhookEndpoint);
  const [from, setFrom] = useState("time");
  return (
    <ActionButton
      label={words.replay}
      explanation={words.replayExplained}
      running={replaying}
      act={(fields, done) => replaying.mutate({ endpointId, from: placeFrom(fields) }, { onSuccess: done })}
    >
      <NativeSelect
        name="from"
        label={words.replayFrom}
        value={from}
        onChange={({ currentTarget }) => setFrom(currentTarget.value)}
        data={Object.entries(words.replayFroms).map(([value, label]) => ({ value, label }))}
      />
      {from === "time" && <TextInput name="time" label={words.replayTime} type="datetime-local" required />}
    </ActionButton>
  );
}

function placeFrom(fields: FormFields) {
  if (fields.one("from") === "beginning") return { place: { case: "beginning", value: true } } as const;
  const time = timestampFromDate(new Date(fields.one("time")));
  return { place: { case: "time", value: time } } as const;
}
