// The message that another one answers, in a line: who, and how it begins. It opens the thread, and leads to the message.
import { useQuery } from "@connectrpc/connect-query";
import { Anchor, Button, Group } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { DeletedFilter } from "../../../../gen/colloquy/v1/deleted_filter_pb.ts";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../../strings/en.ts";
import { ActorName } from "../../ui/actor-name.tsx";
import { firstWords } from "./first-words.ts";
import styles from "./message-quote.module.css";

const words = text.conversation;
const Thread = lazy(() => import("../log/thread.tsx"));

export interface MessageQuoteProps {
  readonly conversationId: string;
  /** The message that is quoted. */
  readonly messageId: string;
  readonly onChange: (message: Message) => void;
}

export function MessageQuote({ conversationId, messageId, onChange }: MessageQuoteProps) {
  const [isThread, setIsThread] = useState(false);
  const quoted = useMessage(conversationId, messageId);
  return (
    <Group gap={6} wrap="nowrap">
      <Button
        variant="subtle"
        size="compact-xs"
        className={styles.quote}
        disabled={quoted === undefined}
        onClick={() => setIsThread(true)}
      >
        {quoted === undefined ? (
          words.inReply
        ) : (
          <span className={styles.words}>
            {words.inReplyTo} <ActorName actor={quoted.sender} />: <bdi>{firstWords(quoted) || words.noText}</bdi>
          </span>
        )}
      </Button>
      <Anchor
        size="xs"
        renderRoot={(props) => (
          <Link to="/conversations/$conversationId" params={{ conversationId }} search={{ at: messageId }} {...props} />
        )}
      >
        {words.goTo}
      </Anchor>
      <Suspense>
        {isThread && quoted !== undefined && (
          <Thread message={quoted} onChange={onChange} onClose={() => setIsThread(false)} />
        )}
      </Suspense>
    </Group>
  );
}

/** Undefined: it is not read yet, or there is none any more. */
export function useMessage(conversationId: string, messageId: string): Message | undefined {
  const request = { conversationId, messageId, deleted: DeletedFilter.INCLUDE };
  const options = { staleTime: 60_000, retry: false };
  return useQuery(MessageService.method.getMessage, request, options).data?.message;
}
