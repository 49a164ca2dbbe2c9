// Edits the text of a message. What somebody else has written meanwhile is shown, and overwritten only on purpose.
import { create } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { useMutation } from "@connectrpc/connect-query";
import { Alert, Button, Group, Text, Textarea } from "@mantine/core";
import { type FormEvent, useEffect, useEffectEvent, useState } from "react";
import { ErrorReason } from "../../../../gen/colloquy/v1/error_reason_pb.ts";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { reasonOf } from "../../../../src/client/reason.ts";
import { text } from "../../strings/en.ts";
import { isEscape } from "../../ui/escape-key.ts";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { standing } from "./editing.ts";

const words = text.conversation;

export interface MessageEditorProps {
  readonly message: Message;
  readonly onChange: (message: Message) => void;
  readonly onClose: () => void;
}

export function MessageEditor({ message, onChange, onClose }: MessageEditorProps) {
  const [base] = useState(message);
  const [content, setContent] = useState(message.content);
  const saving = useMutation(MessageService.method.updateMessage);
  const reading = useMutation(MessageService.method.getMessage);
  const state = standing(base, message, content, saving.isError);
  const isBehind = state.is === "behind";
  // A key that is easily hit takes nothing that was written.
  const isAsRead = content === base.content || content === message.content;
  const take = (now: Message | undefined) => now && onChange({ ...now, reactions: message.reactions });
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (state.is === "saved" || saving.isPending) return;
    const updateMask = create(FieldMaskSchema, { paths: ["content"] });
    const request = { messageId: message.id, message: { content }, updateMask, etag: state.etag };
    try {
      take((await saving.mutateAsync(request)).message);
      onClose();
    } catch (error) {
      // The feed has not told yet what it became.
      if (reasonOf(error) === ErrorReason.ETAG_MISMATCH) {
        take((await reading.mutateAsync({ messageId: message.id, conversationId: message.conversationId })).message);
      }
    }
  };
  const close = useEffectEvent(onClose);
  const isSaved = state.is === "saved";
  useEffect(() => {
    if (isSaved) close();
  }, [isSaved]);
  const isMismatch = reasonOf(saving.error) === ErrorReason.ETAG_MISMATCH;
  return (
    <form onSubmit={(event) => void save(event).catch(() => {})}>
      {isBehind && (
        <Alert color="yellow" variant="light" role="status" mb="xs">
          {/* The title of an alert has too little contrast. */}
          <Text size="sm" fw={600} mb={4}>
            {words.changedMeanwhile}
          </Text>
          <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {message.content}
          </Text>
        </Alert>
      )}
      <Textarea
        aria-label={words.editLabel}
        value={content}
        onChange={({ currentTarget }) => setContent(currentTarget.value)}
        onKeyDown={(event) => isEscape(event) && isAsRead && onClose()}
        autosize
        minRows={2}
        maxRows={20}
        autoFocus
      />
      {saving.isError && !(isMismatch && isBehind) && <FailureNotice error={saving.error} />}
      {reading.isError && <FailureNotice error={reading.error} />}
      <Group gap="xs" mt="xs">
        <Button type="submit" size="xs" loading={saving.isPending} disabled={content === message.content}>
          {isBehind ? words.saveOver : words.saveEdit}
        </Button>
        <Button variant="default" size="xs" onClick={onClose}>
          {isBehind ? words.takeTheirs : text.conversations.cancel}
        </Button>
      </Group>
    </form>
  );
}
