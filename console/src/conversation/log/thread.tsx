// A message and the replies to it, beside the log.
import { useInfiniteQuery, useMutation } from "@connectrpc/connect-query";
import { Button, Drawer } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { NEXT_PAGE } from "../../api/paging.ts";
import { text } from "../../strings/en.ts";
import { ActorName } from "../../ui/actor-name.tsx";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { Loading } from "../../ui/loading.tsx";
import { Time } from "../../ui/time.tsx";
import { type Attempt, messageOf } from "../composer/sending.ts";
import { useAttachments } from "../composer/use-attachments.ts";
import { useDraft } from "../composer/use-draft.ts";
import { useSending } from "../composer/use-sending.ts";
import { MessageContent } from "../message/parts.tsx";
import { MessageForm } from "../message-form.tsx";
import styles from "./thread.module.css";
import { useFollowEnd } from "./use-follow-end.ts";

const words = text.conversation;

export interface ThreadProps {
  readonly message: Message;
  readonly onChange: (message: Message) => void;
  readonly onClose: () => void;
}

export default function Thread({ message, onChange, onClose }: ThreadProps) {
  const { id, conversationId, replyCount } = message;
  // The latest are what one answers: earlier ones are read on demand.
  const input = { messageId: id, pageSize: 50, pageToken: "", order: MessageOrder.NEWEST_FIRST };
  const found = useInfiniteQuery(MessageService.method.listReplies, input, NEXT_PAGE);
  const { refetch } = found;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the feed tells of replies by their count
  useEffect(() => void refetch(), [replyCount, refetch]);
  const replies = found.data?.pages.flatMap(({ messages }) => messages).toReversed() ?? [];
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
      classNames={{ content: styles.drawer ?? "", body: styles.thread ?? "" }}
    >
      <Growing>
        <Entry message={message} />
        {found.isError && <FailureNotice error={found.error} onRetry={() => void refetch()} />}
        {found.isPending && <Loading />}
        {found.hasNextPage && (
          <Button
            variant="default"
            size="xs"
            loading={found.isFetchingNextPage}
            onClick={() => void found.fetchNextPage()}
          >
            {words.earlier}
          </Button>
        )}
        <ol className={styles.replies} aria-label={words.replies(replyCount)}>
          {replies.map((reply) => (
            <li key={reply.id}>
              <Entry message={reply} />
            </li>
          ))}
        </ol>
      </Growing>
      {message.deleteTime === undefined && (
        <Reply conversationId={conversationId} replyTo={id} replies={replies} onSent={onSent} />
      )}
    </Drawer>
  );
}

/** Scrolls above the box to write in. Whoever has its end in sight goes on seeing it while it grows. */
function Growing({ children }: { children: ReactNode }) {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const { onClick } = useFollowEnd({ scroller, content, at: undefined, isThere: true });
  return (
    <div
      ref={scroller}
      className={styles.growing}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and must scroll with the keyboard too
      tabIndex={0}
      role="log"
      aria-label={words.thread}
      onClickCapture={onClick}
    >
      <div ref={content} className={styles.entries}>
        {children}
      </div>
    </div>
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
  const attachments = useAttachments();
  const { fileIds, isIncomplete } = attachments;
  const box = useSending(replies, ({ fileIds: sent = [] }) => attachments.sent(sent));
  useDraft({ conversationId, replyTo }, box, attachments);
  const isUnready = isIncomplete || (box.content.trim() === "" && fileIds.length === 0);
  const deliver = async (attempt: Attempt) => {
    const message = { ...messageOf(attempt), replyTo };
    const sent = await mutateAsync({ conversationId, message, requestId: attempt.id });
    if (sent.message !== undefined) onSent(sent.message);
  };
  const submit = () => {
    if (!isUnready) box.send(deliver, fileIds);
  };
  return (
    <MessageForm
      box={box}
      attachments={attachments}
      label={words.writeReply}
      placeholder={words.writeReply}
      description={words.keys}
      minRows={2}
      maxRows={8}
      onSubmit={submit}
    >
      <Button type="submit" size="xs" mt={6} disabled={isUnready} loading={box.isBusy}>
        {words.send}
      </Button>
    </MessageForm>
  );
}
