// Edits the text of a message. What somebody else has written meanwhile is not overwritten.
import { create } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { useMutation } from "@connectrpc/connect-query";
import { Button, Group, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Message } from "../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";

export interface MessageEditorProps {
  readonly message: Message;
  readonly onChange: (message: Message) => void;
  readonly onClose: () => void;
}

export function MessageEditor({ message, onChange, onClose }: MessageEditorProps) {
  const [content, setContent] = useState(message.content);
  const [etag] = useState(message.etag);
  const saving = useMutation(MessageService.method.updateMessage);
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const updateMask = create(FieldMaskSchema, { paths: ["content"] });
    const saved = await saving.mutateAsync({ messageId: message.id, message: { content }, updateMask, etag });
    if (saved.message !== undefined) onChange({ ...saved.message, reactions: message.reactions });
    onClose();
  };
  return (
    <form onSubmit={(event) => void save(event).catch(() => {})}>
      <Textarea
        aria-label={text.conversation.editLabel}
        value={content}
        onChange={({ currentTarget }) => setContent(currentTarget.value)}
        onKeyDown={({ key }) => key === "Escape" && onClose()}
        autosize
        minRows={2}
        maxRows={20}
        autoFocus
      />
      {saving.isError && <FailureNotice error={saving.error} />}
      <Group gap="xs" mt="xs">
        <Button type="submit" size="xs" loading={saving.isPending} disabled={content === message.content}>
          {text.conversation.saveEdit}
        </Button>
        <Button variant="default" size="xs" onClick={onClose}>
          {text.conversations.cancel}
        </Button>
      </Group>
    </form>
  );
}
