// Begins a conversation, and opens it.
import { useMutation } from "@connectrpc/connect-query";
import { TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
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
      <TextInput name="agent" label={words.createAgent} description={words.createAgentHint} maxLength={200} />
    </ActionButton>
  );
}
