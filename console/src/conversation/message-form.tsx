// The form that one writes a message in: its text, and files that are chosen, pasted or dropped.
import { ActionIcon, Text, Textarea } from "@mantine/core";
import { type ReactNode, useRef } from "react";
import { fileText } from "../strings/files.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { ClipIcon } from "../ui/icons.tsx";
import { AttachmentList } from "./composer/attachment-list.tsx";
import { filesOf } from "./composer/attachments.ts";
import { isSend } from "./composer/send-key.ts";
import type { Attachments } from "./composer/use-attachments.ts";
import { useDroppedFiles } from "./composer/use-dropped-files.ts";
import type { SendingBox } from "./composer/use-sending.ts";
import styles from "./message-form.module.css";

export interface MessageFormProps {
  readonly box: SendingBox;
  readonly attachments: Attachments;
  readonly label: string;
  readonly placeholder: string;
  readonly description: string;
  readonly minRows: number;
  readonly maxRows: number;
  readonly className?: string | undefined;
  readonly onSubmit: () => void;
  /** The buttons. */
  readonly children: ReactNode;
}

export function MessageForm({
  box,
  attachments,
  label,
  onSubmit,
  children,
  className = "",
  ...field
}: MessageFormProps) {
  const form = useRef<HTMLFormElement>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const isOver = useDroppedFiles(form, attachments.add);
  return (
    <form
      ref={form}
      className={`${styles.form} ${className}`}
      data-over={isOver || undefined}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    >
      {box.error !== undefined && <FailureNotice error={box.error} />}
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
        {...field}
        aria-label={label}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={box.content}
        onChange={({ currentTarget }) => box.type(currentTarget.value)}
        onKeyDown={(event) => {
          if (!isSend(event)) return;
          event.preventDefault();
          onSubmit();
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
      />
      {children}
    </form>
  );
}
