// The branches of a conversation: which is live, and two of them side by side.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Badge, Button, Group, Modal, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../strings/en.ts";
import { ActorName } from "../ui/actor-name.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Time } from "../ui/time.tsx";
import styles from "./branches.module.css";
import { firstWords } from "./first-words.ts";
import { useMessage } from "./message-quote.tsx";
import { MessageContent } from "./parts.tsx";

const words = text.conversation;
const CLOSE = { "aria-label": text.common.close };

interface PairProps {
  readonly conversationId: string;
  /** The last message of the branch that is live, and of another one. */
  readonly live: string;
  readonly other: string;
  readonly onClose: () => void;
}

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
        {branches.map(({ messageId, live: isLive }) => (
          <Group key={messageId} gap="xs">
            <BranchEnd conversationId={conversationId} messageId={messageId} />
            {isLive ? (
              <Badge size="xs" tt="none">
                {words.live}
              </Badge>
            ) : (
              <>
                <Button size="compact-xs" variant="default" onClick={() => select(messageId)}>
                  {words.makeLive}
                </Button>
                <Button size="compact-xs" variant="default" onClick={() => setShown(messageId)}>
                  {words.compare}
                </Button>
              </>
            )}
          </Group>
        ))}
      </Stack>
      {selecting.isError && <FailureNotice error={selecting.error} />}
      {shown !== undefined && live !== undefined && (
        <Pair conversationId={conversationId} live={live.messageId} other={shown} onClose={() => setShown(undefined)} />
      )}
    </section>
  );
}

/** How its last entry begins, and when that was written. */
function BranchEnd({ conversationId, messageId }: { conversationId: string; messageId: string }) {
  const last = useMessage(conversationId, messageId);
  if (last === undefined) return <Text size="sm">…</Text>;
  return (
    <Text size="sm" style={{ overflowWrap: "anywhere" }}>
      <bdi>{firstWords(last) || words.noText}</bdi>{" "}
      <Text span size="xs" c="dimmed">
        <Time value={last.createTime} withClock />
      </Text>
    </Text>
  );
}

/** Two branches side by side, from where they part. */
function Pair({ conversationId, live, other, onClose }: PairProps) {
  const reads = [useBranch(conversationId, live), useBranch(conversationId, other)] as const;
  const [first, second] = reads.map(({ data }) => data?.messages.toReversed());
  const failed = reads.find(({ isError }) => isError);
  return (
    <Modal opened onClose={onClose} title={words.branches} size="90%" lockScroll={false} closeButtonProps={CLOSE}>
      {failed !== undefined && <FailureNotice error={failed.error} />}
      {first === undefined || second === undefined ? (
        failed === undefined && <Loading />
      ) : (
        <Parted first={first} second={second} />
      )}
    </Modal>
  );
}

function Parted({ first, second }: { first: readonly Message[]; second: readonly Message[] }) {
  const ids = new Set(second.map(({ id }) => id));
  const common = first.filter(({ id }) => ids.has(id));
  const shared = new Set(common.map(({ id }) => id));
  return (
    <>
      {common.length > 0 && (
        <Text size="xs" c="dimmed">
          {words.earlierInCommon(common.length)}
        </Text>
      )}
      <div className={styles.pair}>
        {[first, second].map((messages, index) => (
          <section key={index === 0 ? words.live : words.other} aria-label={index === 0 ? words.live : words.other}>
            <Text size="xs" c="dimmed">
              {index === 0 ? words.live : words.other}
            </Text>
            {messages
              .filter(({ id }) => !shared.has(id))
              .map((message) => (
                <div key={message.id} className={styles.message}>
                  <Text size="xs" c="dimmed">
                    <ActorName actor={message.sender} /> <Time value={message.createTime} />
                  </Text>
                  <MessageContent message={message} />
                </div>
              ))}
          </section>
        ))}
      </div>
    </>
  );
}

/** The latest entries of a branch, newest first. */
function useBranch(conversationId: string, branchMessageId: string) {
  const order = MessageOrder.NEWEST_FIRST;
  return useQuery(MessageService.method.listMessages, { conversationId, branchMessageId, order, pageSize: 100 });
}
