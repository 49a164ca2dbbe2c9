// The branches of a conversation: which is live, and two of them side by side.
import { useMutation, useQuery } from "@connectrpc/connect-query";
import { Badge, Button, Group, Modal, Stack, Text, Title } from "@mantine/core";
import { Fragment, useState } from "react";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageOrder, MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../strings/en.ts";
import { ActorName } from "../ui/actor-name.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { Loading } from "../ui/loading.tsx";
import { Time } from "../ui/time.tsx";
import { WholeTime } from "../ui/whole-time.tsx";
import styles from "./branches.module.css";
import { firstWords } from "./message/first-words.ts";
import { useMessage } from "./message/message-quote.tsx";
import { MessageContent } from "./message/parts.tsx";

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
        {branches.map(({ messageId, firstMessageId, live: isLive }) => (
          <Group key={messageId} gap="xs">
            <BranchWords conversationId={conversationId} first={firstMessageId} last={messageId} />
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

interface BranchWordsProps {
  readonly conversationId: string;
  /** The ids of the first entry that it alone has, where there is one, and of its last. */
  readonly first: string;
  readonly last: string;
}

/** What tells it from the others: where it parts from them, and how it ends. */
function BranchWords({ conversationId, first, last }: BranchWordsProps) {
  const ids = first === "" || first === last ? [last] : [first, last];
  return (
    <Text size="sm" style={{ overflowWrap: "anywhere" }}>
      {first === "" && `${words.fromBeginning} … `}
      {ids.map((id, index) => (
        <Fragment key={id}>
          {index > 0 && " … "}
          <EntryWords conversationId={conversationId} messageId={id} />
        </Fragment>
      ))}
    </Text>
  );
}

/** How an entry begins, and when it was written. */
function EntryWords({ conversationId, messageId }: { conversationId: string; messageId: string }) {
  const message = useMessage(conversationId, messageId);
  if (message === undefined) return "…";
  return (
    <>
      <bdi>{firstWords(message) || words.noText}</bdi>{" "}
      <Text span size="xs" c="dimmed">
        <Time value={message.createTime} withClock />
      </Text>
    </>
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
        <Side name={words.live} messages={first.filter(({ id }) => !shared.has(id))} />
        <Side name={words.other} messages={second.filter(({ id }) => !shared.has(id))} />
      </div>
    </>
  );
}

/** What one branch alone has. */
function Side({ name, messages }: { name: string; messages: readonly Message[] }) {
  const [first] = messages;
  return (
    <section aria-label={name}>
      <Text size="xs" c="dimmed">
        {name}
        {first !== undefined && (
          <>
            {", "}
            {words.since} <WholeTime value={first.createTime} />
          </>
        )}
      </Text>
      {messages.map((message) => (
        <div key={message.id} className={styles.message}>
          <Text size="xs" c="dimmed">
            <ActorName actor={message.sender} /> <Time value={message.createTime} withClock />
          </Text>
          <MessageContent message={message} />
        </div>
      ))}
    </section>
  );
}

/** The latest entries of a branch, newest first. */
function useBranch(conversationId: string, branchMessageId: string) {
  const order = MessageOrder.NEWEST_FIRST;
  return useQuery(MessageService.method.listMessages, { conversationId, branchMessageId, order, pageSize: 100 });
}
