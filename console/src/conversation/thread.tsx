// A message and the replies to it, beside the log.
import { useInfiniteQuery, useMutation } from "@connectrpc/connect-query";
import { Button, Drawer, Stack, Textarea } from "@mantine/core";
import { type FormEvent, useEffect } from "react";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { NEXT_PAGE } from "../api/paging.ts";
import { text } from "../strings/en.ts";
import { ActorName } from "../ui/actor-name.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Time } from "../ui/time.tsx";
import { MessageContent } from "./parts.tsx";
import styles from "./thread.module.css";
import { useDraft } from "./use-draft.ts";
import { useSending } from "./use-sending.ts";

const words = text.conversation;

export interface ThreadProps {
  readonly message: Message;
  readonly onChange: (message: Message) => void;
  readonly onClose: () => void;
}

export default function Thread({ message, onChange, onClose }: ThreadProps) {
  const { id, conversationId, replyCount } = message;
  const input = { messageId: id, pageSize: 50, pageToken: "" };
  const found = useInfiniteQuery(MessageService.method.listReplies, input, NEXT_PAGE);
  const { refetch } = found;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the feed tells of replies by their count
  useEffect(() => void refetch(), [replyCount, refetch]);
  const replies = found.data?.pages.flatMap(({ messages }) => messages) ?? [];
  const onSent = (sent: Message) => {
    onChange(sent);
    void refetch();
  };
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      title={words.thread}
      lockScroll={false}
      closeButtonProps={{ "aria-label": text.common.close }}
    >
      <Stack gap="xs">
        <Entry message={message} />
        {found.isError && <FailureNotice error={found.error} onRetry={() => void refetch()} />}
        {found.isPending && <Loading />}
        <ol className={styles.replies} aria-label={words.replies(replyCount)}>
          {replies.map((reply) => (
            <li key={reply.id}>
              <Entry message={reply} />
            </li>
          ))}
        </ol>
        {found.hasNextPage && (
          <Button variant="default" size="xs" onClick={() => void found.fetchNextPage()}>
            {text.common.more}
          </Button>
        )}
        {message.deleteTime === undefined && (
          <Reply conversationId={conversationId} replyTo={id} replies={replies} onSent={onSent} />
        )}
      </Stack>
    </Drawer>
  );
}

function Entry({ message }: { message: Message }) {
  return (
    <article className={styles.entry}>
      <div className={styles.head}>
        <strong>
          <ActorName actor={message.sender} />
        </strong>{" "}
        <Time value={message.createTime} withClock />
        {message.deleteTime !== undefined && ` · ${words.deleted}`}
      </div>
      <MessageContent message={message} />
    </article>
  );
}

interface ReplyProps {
  readonly conversationId: string;
  readonly replyTo: string;
  readonly replies: readonly Message[];
  readonly onSent: (message: Message) => void;
}

function Reply({ conversationId, replyTo, replies, onSent }: ReplyProps) {
  const { mutateAsync } = useMutation(MessageService.method.sendMessage);
  const box = useSending(replies);
  useDraft({ conversationId, replyTo }, box);
  const { content, isBusy, error, type, send } = box;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    send(async ({ id, text: written }) => {
      const message = { content: written, replyTo, clientId: id };
      const sent = await mutateAsync({ conversationId, message, requestId: id });
      if (sent.message !== undefined) onSent(sent.message);
    });
  };
  return (
    <form onSubmit={submit}>
      {error !== undefined && <FailureNotice error={error} />}
      <Textarea
        aria-label={words.writeReply}
        placeholder={words.writeReply}
        value={content}
        onChange={({ currentTarget }) => type(currentTarget.value)}
        autosize
        minRows={2}
        maxRows={8}
      />
      <Button type="submit" size="xs" mt={6} disabled={content.trim() === ""} loading={isBusy}>
        {words.send}
      </Button>
    </form>
  );
}
