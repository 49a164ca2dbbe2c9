// Where one writes: a message, or with an agent in the conversation one that it replies to.
import { useMutation } from "@connectrpc/connect-query";
import { Button, Group, Textarea } from "@mantine/core";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import styles from "./composer.module.css";
import { StopTurn } from "./stop-turn.tsx";
import { useDraft } from "./use-draft.ts";
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
  const box = useSending(messages);
  useDraft({ conversationId }, box);
  const { content, isBusy, error } = box;
  const isEmpty = content.trim() === "";
  // No other turn begins before it has its answers.
  const isAwaited = agent !== "" && turn.running?.turn.state === TurnState.INPUT_REQUIRED;

  const send = () =>
    box.send(async ({ id, text: written }) => {
      const request = { conversationId, message: { content: written, clientId: id }, requestId: id };
      const { message } = await mutateAsync(request);
      if (message !== undefined) onSent(message);
    });
  const main = agent === "" ? send : () => box.send(turn.ask);
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isAwaited) main();
      }}
    >
      {error !== undefined && <FailureNotice error={error} />}
      <Textarea
        aria-label={words.write}
        placeholder={agent === "" ? words.write : words.writeTo(agent)}
        description={isAwaited ? words.answerFirst : words.keys}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={content}
        onChange={({ currentTarget }) => box.type(currentTarget.value)}
        onKeyDown={(event) => {
          // Enter ends the composition of a character in some scripts.
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          if (!isAwaited) main();
        }}
        autosize
        minRows={1}
        maxRows={10}
      />
      <Group gap={6} mt={6} className={styles.buttons}>
        <Button type="submit" size="xs" disabled={isEmpty || isAwaited} loading={isBusy}>
          {agent === "" ? words.send : words.ask}
        </Button>
        {agent !== "" && (
          <Button variant="default" size="xs" disabled={isEmpty || isBusy} onClick={send}>
            {words.sendOnly}
          </Button>
        )}
        <StopTurn control={turn} />
      </Group>
    </form>
  );
}
