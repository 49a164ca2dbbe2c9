// Where one writes: a message, or with an agent in the conversation one that it replies to.
import { useMutation } from "@connectrpc/connect-query";
import { Button, Group } from "@mantine/core";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnState } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../../strings/en.ts";
import { MessageForm } from "../message-form.tsx";
import { StopTurn } from "../turn/stop-turn.tsx";
import type { TurnControl } from "../turn/use-turn.ts";
import styles from "./composer.module.css";
import { type Attempt, messageOf } from "./sending.ts";
import { useAttachments } from "./use-attachments.ts";
import { useDraft } from "./use-draft.ts";
import { useSending } from "./use-sending.ts";

const words = text.conversation;

export interface ComposerProps {
  readonly conversationId: string;
  /** The agent that replies. Empty: none. */
  readonly agent: string;
  readonly turn: TurnControl;
  readonly messages: readonly Message[];
  readonly onSent: (message: Message) => void;
  /** Told when what was sent from here is in the log. */
  readonly onArrived: () => void;
}

export function Composer({ conversationId, agent, turn, messages, onSent, onArrived }: ComposerProps) {
  const { mutateAsync } = useMutation(MessageService.method.sendMessage);
  const attachments = useAttachments();
  const { fileIds, isIncomplete } = attachments;
  const box = useSending(messages, ({ fileIds: sent = [] }) => {
    attachments.sent(sent);
    onArrived();
  });
  useDraft({ conversationId }, box, attachments);
  const { content, isBusy } = box;
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
    <MessageForm
      className={styles.composer}
      box={box}
      attachments={attachments}
      label={words.write}
      placeholder={agent === "" ? words.write : words.writeTo(agent)}
      description={isAwaited ? words.answerFirst : words.keys}
      minRows={1}
      maxRows={10}
      onSubmit={main}
    >
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
    </MessageForm>
  );
}
