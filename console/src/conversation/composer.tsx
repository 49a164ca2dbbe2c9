// Where one writes: a message, or with an agent in the conversation one that it replies to.
import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Button, Group, Text, Textarea } from "@mantine/core";
import { useRef } from "react";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../strings/en.ts";
import { fileText } from "../strings/files.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { ClipIcon } from "../ui/icons.tsx";
import { AttachmentList } from "./attachment-list.tsx";
import { filesOf } from "./attachments.ts";
import styles from "./composer.module.css";
import { isSend } from "./send-key.ts";
import { type Attempt, messageOf } from "./sending.ts";
import { StopTurn } from "./stop-turn.tsx";
import { useAttachments } from "./use-attachments.ts";
import { useDraft } from "./use-draft.ts";
import { useDroppedFiles } from "./use-dropped-files.ts";
import { useSending } from "./use-sending.ts";
import type { TurnControl } from "./use-turn.ts";

const words = text.conversation;

export interface ComposerProps {
  readonly conversationId: string;
  /** The agent that replies. Empty: none. */
  readonly agent: string;
  readonly turn: TurnControl;
  readonly messages: readonly Message[];
  readonly onSent: (message: Message) => void;
}

export function Composer({ conversationId, agent, turn, messages, onSent }: ComposerProps) {
  const { mutateAsync } = useMutation(MessageService.method.sendMessage);
  const attachments = useAttachments();
  const { fileIds, isIncomplete } = attachments;
  const isOver = useDroppedFiles(attachments.add);
  const chooser = useRef<HTMLInputElement>(null);
  const box = useSending(messages, ({ fileIds: sent = [] }) => attachments.sent(sent));
  useDraft({ conversationId }, box);
  const { content, isBusy, error } = box;
  const isUnready = isIncomplete || (content.trim() === "" && fileIds.length === 0);
  // No other turn begins before it has its answers.
  const isAwaited = agent !== "" && turn.running?.turn.state === TurnState.INPUT_REQUIRED;

  const deliver = async (attempt: Attempt) => {
    const { message } = await mutateAsync({ conversationId, message: messageOf(attempt), requestId: attempt.id });
    if (message !== undefined) onSent(message);
  };
  const send = () => box.send(deliver, fileIds);
  const main = () => {
    if (!isAwaited && !isUnready) box.send(agent === "" ? deliver : turn.ask, fileIds);
  };
  return (
    <form
      className={styles.composer}
      data-over={isOver || undefined}
      onSubmit={(event) => {
        event.preventDefault();
        main();
      }}
    >
      {error !== undefined && <FailureNotice error={error} />}
      <AttachmentList attachments={attachments} />
      {isOver && (
        <Text size="sm" mb={6}>
          {fileText.drop}
        </Text>
      )}
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        onChange={({ currentTarget }) => {
          attachments.add([...(currentTarget.files ?? [])]);
          // The same file can be chosen again after it was taken out.
          currentTarget.value = "";
        }}
      />
      <Textarea
        aria-label={words.write}
        placeholder={agent === "" ? words.write : words.writeTo(agent)}
        description={isAwaited ? words.answerFirst : words.keys}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={content}
        onChange={({ currentTarget }) => box.type(currentTarget.value)}
        onKeyDown={(event) => {
          if (!isSend(event)) return;
          event.preventDefault();
          main();
        }}
        onPaste={(event) => {
          const files = filesOf(event.clipboardData);
          if (files.length === 0) return;
          event.preventDefault();
          attachments.add(files);
        }}
        rightSection={
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={fileText.attach}
            title={fileText.attach}
            onClick={() => chooser.current?.click()}
          >
            <ClipIcon />
          </ActionIcon>
        }
        autosize
        minRows={1}
        maxRows={10}
      />
      <Group gap={6} mt={6} className={styles.buttons}>
        <Button type="submit" size="xs" disabled={isUnready || isAwaited} loading={isBusy}>
          {agent === "" ? words.send : words.ask}
        </Button>
        {agent !== "" && (
          <Button variant="default" size="xs" disabled={isUnready || isBusy} onClick={send}>
            {words.sendOnly}
          </Button>
        )}
        <StopTurn control={turn} />
      </Group>
    </form>
  );
}
