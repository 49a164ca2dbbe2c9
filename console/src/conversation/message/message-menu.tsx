// What can be done with a message: copy, edit, delete, restore, its raw form, its earlier texts.
import { useMutation } from "@connectrpc/connect-query";
import { ActionIcon, Menu } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useId, useRef, useState } from "react";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../../strings/en.ts";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { DotsIcon } from "../../ui/icons.tsx";

const words = text.conversation;
const RawEntry = lazy(() => import("./raw-entry.tsx"));
const Revisions = lazy(() => import("./revisions.tsx"));

export interface MessageMenuProps {
  readonly message: Message;
  /** The ids of the elements that say which message it is. */
  readonly label: string;
  /** Whether the tab key stops here. */
  readonly isActive: boolean;
  readonly onChange: (message: Message) => void;
  readonly onEdit: () => void;
  readonly onReply: () => void;
}

export function MessageMenu({ message, label, isActive, onChange, onEdit, onReply }: MessageMenuProps) {
  const [opened, setOpened] = useState<"raw" | "revisions">();
  const id = useId();
  const deleting = useMutation(MessageService.method.deleteMessage);
  const restoring = useMutation(MessageService.method.restoreMessage);
  // The menu returns the focus when it has gone: only then may something else take it.
  const next = useRef<() => void>(undefined);
  const whenGone = () => {
    next.current?.();
    next.current = undefined;
  };
  const edit = () => {
    next.current = onEdit;
  };
  const reply = () => {
    next.current = onReply;
  };
  const isDeleted = message.deleteTime !== undefined;
  const close = () => setOpened(undefined);
  const failed = deleting.error ?? restoring.error;
  const remove = () =>
    // What was deleted can still be restored, so nobody is asked.
    deleting.mutate(
      { messageId: message.id },
      { onSuccess: (done) => done.message && onChange({ ...message, deleteTime: done.message.deleteTime }) },
    );
  const restore = () =>
    restoring.mutate({ messageId: message.id }, { onSuccess: (done) => done.message && onChange(done.message) });
  return (
    <>
      <Menu id={id} position="bottom-end" withinPortal onExitTransitionEnd={whenGone}>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            tabIndex={isActive ? 0 : -1}
            aria-label={words.actions}
            aria-labelledby={`${id} ${label}`}
          >
            <DotsIcon />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => void navigator.clipboard.writeText(message.content)}>{words.copyText}</Menu.Item>
          <Menu.Item onClick={() => void navigator.clipboard.writeText(linkTo(message.id))}>{words.copyLink}</Menu.Item>
          {!isDeleted && <Menu.Item onClick={reply}>{words.reply}</Menu.Item>}
          <Menu.Item onClick={() => setOpened("raw")}>{words.raw}</Menu.Item>
          {message.turnId !== "" && (
            <Menu.Item
              renderRoot={(props) => <Link to="/turns/$turnId" params={{ turnId: message.turnId }} {...props} />}
            >
              {words.openTurn}
            </Menu.Item>
          )}
          {message.revision > 0 && <Menu.Item onClick={() => setOpened("revisions")}>{words.revisions}</Menu.Item>}
          {!isDeleted && message.parts.length === 0 && <Menu.Item onClick={edit}>{words.edit}</Menu.Item>}
          {isDeleted ? (
            <Menu.Item onClick={restore}>{words.restore}</Menu.Item>
          ) : (
            <Menu.Item onClick={remove}>{words.delete}</Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      {failed !== null && <FailureNotice error={failed} />}
      <Suspense>
        {opened === "raw" && <RawEntry message={message} onClose={close} />}
        {opened === "revisions" && <Revisions message={message} onClose={close} />}
      </Suspense>
    </>
  );
}

/** The address of this view, opened at a message. */
function linkTo(messageId: string): string {
  const { origin, pathname } = window.location;
  return `${origin}${pathname}?at=${encodeURIComponent(messageId)}`;
}
