// Where one writes: a message, or with an agent in the conversation one that it replies to.
import { useMutation } from "@connectrpc/connect-query";
import { Button, Group, Textarea } from "@mantine/core";
import { useState } from "react";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import styles from "./composer.module.css";
import type { TurnControl } from "./use-turn.ts";

const words = text.conversation;

export interface ComposerProps {
  readonly conversationId: string;
  /** The agent that replies. Empty: none. */
  readonly agent: string;
  readonly turn: TurnControl;
  readonly onSent: (message: Message) => void;
}

export function Composer({ conversationId, agent, turn, onSent }: ComposerProps) {
  const [content, setContent] = useState("");
  const [isAsking, setIsAsking] = useState(false);
  const sending = useMutation(MessageService.method.sendMessage);
  const isEmpty = content.trim() === "";
  const isBusy = isAsking || sending.isPending;

  const send = async () => {
    if (isEmpty || isBusy) return;
    // The key makes a retry harmless after a connection that broke before the response.
    const requestId = crypto.randomUUID();
    const { message } = await sending.mutateAsync({ conversationId, message: { content }, requestId });
    if (message !== undefined) onSent(message);
    setContent("");
  };
  const ask = async () => {
    if (isEmpty || isBusy) return;
    setIsAsking(true);
    try {
      await turn.ask(content);
      setContent("");
    } finally {
      setIsAsking(false);
    }
  };
  const main = agent === "" ? send : ask;
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault();
        void main().catch(() => {});
      }}
    >
      {sending.isError && <FailureNotice error={sending.error} />}
      <Textarea
        aria-label={words.write}
        placeholder={agent === "" ? words.write : words.writeTo(agent)}
        description={words.keys}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={content}
        onChange={({ currentTarget }) => setContent(currentTarget.value)}
        onKeyDown={(event) => {
          // Enter ends the composition of a character in some scripts.
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          void main().catch(() => {});
        }}
        autosize
        minRows={1}
        maxRows={10}
      />
      <Group gap="xs" mt={6}>
        <Button type="submit" size="xs" disabled={isEmpty} loading={isBusy}>
          {agent === "" ? words.send : words.ask}
        </Button>
        {agent !== "" && (
          <Button variant="default" size="xs" disabled={isEmpty || isBusy} onClick={() => void send().catch(() => {})}>
            {words.sendOnly}
          </Button>
        )}
      </Group>
    </form>
  );
}
