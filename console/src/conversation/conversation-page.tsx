// One conversation: its latest messages.
import { useQuery } from "@connectrpc/connect-query";
import { Title } from "@mantine/core";
import { getRouteApi } from "@tanstack/react-router";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { MessageOrder, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Time } from "../ui/time.tsx";
import styles from "./conversation-page.module.css";

const route = getRouteApi("/shell/conversations/$conversationId");

export function ConversationPage() {
  const { conversationId } = route.useParams();
  const conversation = useQuery(ConversationService.method.getConversation, { conversationId });
  const messages = useQuery(MessageService.method.listMessages, { conversationId, order: MessageOrder.NEWEST_FIRST });
  const failed = [conversation, messages].find(({ isError }) => isError);
  if (failed !== undefined) return <FailureNotice error={failed.error} onRetry={() => void failed.refetch()} />;
  if (conversation.data === undefined || messages.data === undefined) return <Loading />;
  return (
    <div className={styles.page}>
      <Title order={1} size="h4" p="md">
        {conversation.data.conversation?.title || text.conversations.untitled}
      </Title>
      <ol className={styles.log}>
        {messages.data.messages.toReversed().map(({ id, sender, content, createTime }) => (
          <li key={id} className={styles.message}>
            <span className={styles.head}>
              {sender?.displayName || sender?.id} <Time value={createTime} />
            </span>
            <p className={styles.content}>{content}</p>
          </li>
        ))}
      </ol>
    </div>
  );
}
