// A deleted conversation: its messages are not read before it is restored.
import { Button } from "@mantine/core";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { useChange } from "../api/use-change.ts";
import { useAccess } from "../auth/use-access.ts";
import { text } from "../strings/en.ts";
import { Empty } from "../ui/empty.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";

const words = text.conversation;

export function DeletedConversation({ conversationId }: { conversationId: string }) {
  const restoring = useChange(ConversationService.method.restoreConversation);
  const { may } = useAccess();
  return (
    <Empty title={words.isDeleted}>
      <p>{words.isDeletedHint}</p>
      {restoring.isError && <FailureNotice error={restoring.error} />}
      {may("writer") && (
        <Button size="xs" loading={restoring.isPending} onClick={() => restoring.mutate({ conversationId })}>
          {words.restoreConversation}
        </Button>
      )}
    </Empty>
  );
}
