// Creates an agent, or changes one.
import { durationMs } from "@bufbuild/protobuf/wkt";
import { Button, Checkbox, NativeSelect, PasswordInput, Text, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { useChange } from "../api/use-change.ts";
import { agentText } from "../strings/agents.ts";
import { text } from "../strings/en.ts";
import { DialogForm, type FormFields } from "../ui/dialog-form.tsx";
import { KeptEtag } from "../ui/kept-etag.tsx";
import { agentFrom, maskOf } from "./agent-fields.ts";
import { addressOf, type ConnectorCase, instructionsOf, modelOf } from "./agent-words.ts";

const words = agentText.form;
const CONNECTORS = Object.entries(agentText.connectors).map(([value, label]) => ({ value, label }));

export function CreateAgent({ onCreated }: { onCreated: (agent: Agent) => void }) {
  const [isOpen, setIsOpen] = useState(false);
  const creating = useChange(AgentService.method.createAgent, ({ agent }) => {
    setIsOpen(false);
    if (agent !== undefined) onCreated(agent);
  });
  return (
    <>
      <Button size="xs" onClick={() => setIsOpen(true)}>
        {agentText.create}
      </Button>
      <AgentDialog
        title={agentText.create}
        submit={text.common.create}
        isOpen={isOpen}
        onClose={() => setIsOpen(false)}
        onSubmit={(fields) => creating.mutate({ agent: agentFrom(fields) })}
        isPending={creating.isPending}
        error={creating.error}
      />
    </>
  );
}

export function EditAgent({ agent }: { agent: Agent }) {
  const [isOpen, setIsOpen] = useState(false);
  const changing = useChange(AgentService.method.updateAgent, () => setIsOpen(false));
  const change = (fields: FormFields) => {
    const next = agentFrom(fields, agent);
    changing.mutate({ agentId: agent.id, agent: next, updateMask: maskOf(next), etag: fields.one("etag") });
  };
  return (
    <>
      <Button size="xs" variant="default" onClick={() => setIsOpen(true)}>
        {text.common.edit}
      </Button>
      <AgentDialog
        title={agentText.edit}
        submit={text.common.save}
        agent={agent}
        isOpen={isOpen}
        onClose={() => setIsOpen(false)}
        onSubmit={change}
        isPending={changing.isPending}
        error={changing.error}
      />
    </>
  );
}

interface AgentDialogProps {
  readonly title: string;
  readonly submit: string;
  readonly agent?: Agent;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onSubmit: (fields: FormFields) => void;
  readonly isPending: boolean;
  readonly error: unknown;
}

function AgentDialog({ agent, ...dialog }: AgentDialogProps) {
  return (
    <DialogForm {...dialog}>
      <AgentFields {...(agent && { agent })} />
    </DialogForm>
  );
}

function AgentFields({ agent }: { agent?: Agent }) {
  const [connector, setConnector] = useState<ConnectorCase>(agent?.connector.case ?? "openai");
  const hasModel = connector === "openai" || connector === "anthropic";
  return (
    <>
      {agent !== undefined && <KeptEtag value={agent.etag} />}
      <TextInput name="name" label={words.name} defaultValue={agent?.name} required maxLength={200} data-autofocus />
      <TextInput name="description" label={words.description} defaultValue={agent?.description} maxLength={2000} />
      <NativeSelect
        name="connector"
        label={words.connector}
        data={CONNECTORS}
        value={connector}
        onChange={({ currentTarget }) => setConnector(currentTarget.value as ConnectorCase)}
      />
      {connector !== "echo" && (
        <TextInput
          name="baseUrl"
          label={words.baseUrl}
          description={hasModel ? words.baseUrlHint : undefined}
          defaultValue={agent && addressOf(agent)}
          required={!hasModel}
          inputMode="url"
        />
      )}
      {hasModel && (
        <>
          <TextInput name="model" label={words.model} defaultValue={agent && modelOf(agent)} required maxLength={200} />
          <Textarea
            name="instructions"
            label={words.instructions}
            defaultValue={agent && instructionsOf(agent)}
            rows={4}
          />
        </>
      )}
      {connector !== "echo" && (
        <PasswordInput
          name="credential"
          label={words.credential}
          description={agent?.hasCredential ? words.credentialKept : words.credentialHint}
          autoComplete="off"
        />
      )}
      <TextInput
        name="timeout"
        label={words.timeout}
        description={words.timeoutHint}
        defaultValue={agent?.timeout && durationMs(agent.timeout) / 1_000}
        type="number"
        min={0.001}
        max={3600}
        step="any"
      />
      <Checkbox name="disabled" value="yes" label={words.disabled} defaultChecked={agent?.disabled} />
      {agent !== undefined && (
        <Text size="xs" c="dimmed">
          {words.rest}
        </Text>
      )}
    </>
  );
}
