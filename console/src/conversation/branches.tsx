// The branches of a conversation: which is live, and two of them side by side.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Badge, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { MessageOrder, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import styles from "./branches.module.css";
import { MessageContent } from "./parts.tsx";

const words = text.conversation;

export function Branches({ conversationId }: { conversationId: string }) {
  const { data, error, isError, refetch } = useQuery(MessageService.method.listBranches, { conversationId });
  const selecting = useMutation(MessageService.method.selectBranch);
  const [shown, setShown] = useState<string>();
  if (isError) return <FailureNotice error={error} />;
  const branches = data?.branches ?? [];
  if (branches.length < 2) return null;
  const select = (messageId: string) =>
    selecting.mutate({ conversationId, messageId }, { onSuccess: () => void refetch() });
  const live = branches.find((branch) => branch.live);
  return (
    <section>
      <Title order={2} size="h6">
        {words.branches}
      </Title>
      <Stack gap={6}>
        {branches.map(({ messageId, messageSeq, live: isLive }) => (
          <Group key={messageId} gap="xs">
            <Text size="sm">{words.branchTo(messageSeq)}</Text>
            {isLive ? (
              <Badge size="xs" tt="none">
                {words.live}
              </Badge>
            ) : (
              <>
                <Button size="compact-xs" variant="default" onClick={() => select(messageId)}>
                  {words.makeLive}
                </Button>
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-expanded={shown === messageId}
                  onClick={() => setShown(shown === messageId ? undefined : messageId)}
                >
                  {words.compare}
                </Button>
              </>
            )}
          </Group>
        ))}
      </Stack>
      {selecting.isError && <FailureNotice error={selecting.error} />}
      {shown !== undefined && live !== undefined && (
        <div className={styles.pair}>
          <Branch conversationId={conversationId} messageId={live.messageId} title={words.live} />
          <Branch conversationId={conversationId} messageId={shown} title={words.other} />
        </div>
      )}
    </section>
  );
}

function Branch({ conversationId, messageId, title }: { conversationId: string; messageId: string; title: string }) {
  const { data, error, isError } = useQuery(MessageService.method.listMessages, {
    conversationId,
    branchMessageId: messageId,
    order: MessageOrder.NEWEST_FIRST,
    pageSize: 10,
  });
  if (isError) return <FailureNotice error={error} />;
  if (data === undefined) return <Loading />;
  return (
    <div>
      <Text size="xs" c="dimmed">
        {title}
      </Text>
      {data.messages.toReversed().map((message) => (
        <div key={message.id} className={styles.message}>
          <MessageContent message={message} />
        </div>
      ))}
    </div>
  );
}
