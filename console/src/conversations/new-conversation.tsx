// Begins a conversation, and opens it.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useId } from "react";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { text } from "../strings/en.ts";
import { ActionButton } from "../ui/action-button.tsx";

const words = text.conversations;

export function NewConversation() {
  const navigate = useNavigate();
  const creating = useMutation(ConversationService.method.createConversation);
  return (
    <ActionButton
      label={words.create}
      submit={words.createSubmit}
      isPrimary
      running={creating}
      act={(fields, done) =>
        creating.mutate(
          { conversation: { title: fields.one("title"), agent: fields.one("agent") } },
          {
            onSuccess: ({ conversation }) => {
              done();
              const conversationId = conversation?.id ?? "";
              void navigate({ to: "/conversations/$conversationId", params: { conversationId } });
            },
          },
        )
      }
    >
      <TextInput name="title" label={words.createTitle} maxLength={500} data-autofocus />
      <AgentField />
    </ActionButton>
  );
}

/** Offers the agents that there are. Another name is taken too: the agent may come later. */
function AgentField() {
  const id = useId();
  const agents = useQuery(AgentService.method.listAgents, { pageSize: 200 }).data?.agents ?? [];
  return (
    <>
      <TextInput
        name="agent"
        label={words.createAgent}
        description={words.createAgentHint}
        maxLength={200}
        list={id}
        autoComplete="off"
      />
      <datalist id={id}>
        {agents
          .filter(({ disabled }) => !disabled)
          .map(({ name, description }) => (
            <option key={name} value={name} label={description || name} />
          ))}
      </datalist>
    </>
  );
}
