// One entry of the log: who, when, what, and what can be done with it.
import { Badge, Button, Group } from "@mantine/core";
import { CatchBoundary } from "@tanstack/react-router";
import { Fragment, lazy, memo, Suspense, useId, useRef, useState } from "react";
import { type Message, MessageRole, MessageState } from "../../../../gen/colloquy/v1/message_pb.ts";
import type { Turn } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../../strings/en.ts";
import { ActorName } from "../../ui/actor-name.tsx";
import { MemberName } from "../../ui/member-name.tsx";
import { Time } from "../../ui/time.tsx";
import { TurnFailure } from "../turn/turn-failure.tsx";
import { MessageEditor } from "./message-editor.tsx";
import styles from "./message-item.module.css";
import { MessageMenu } from "./message-menu.tsx";
import { MessageQuote } from "./message-quote.tsx";
import { MessageContent } from "./parts.tsx";
import { AddReaction, Reactions } from "./reactions.tsx";

const words = text.conversation;
/** So many are named. */
const MOST_READERS = 3;
const Thread = lazy(() => import("../log/thread.tsx"));

export interface MessageItemProps {
  readonly message: Message;
  /** Whether the log was opened at it. */
  readonly isTarget: boolean;
  /** Whether the tab key stops here: the arrow keys lead to the others. */
  readonly isActive: boolean;
  /** The member's read mark lies here: how many others have read so far. */
  readonly readers: readonly string[];
  /** The turn that failed with or after it. */
  readonly failure: Turn | undefined;
  /** Undefined: the turn cannot be repeated. */
  readonly onRetry: ((turn: Turn) => void) | undefined;
  readonly onChange: (message: Message) => void;
}

export const MessageItem = memo(function MessageItem(props: MessageItemProps) {
  const { message, isTarget, readers, failure, isActive, onRetry, onChange } = props;
  const [isEditing, setIsEditing] = useState(false);
  const [isThread, setIsThread] = useState(false);
  const item = useRef<HTMLLIElement>(null);
  const id = useId();
  const label = `${id}-sender ${id}-time`;
  const closeEditor = () => {
    setIsEditing(false);
    item.current?.focus({ preventScroll: true });
  };
  const isDeleted = message.deleteTime !== undefined;
  const role = words.roles[message.role];
  return (
    <li
      ref={item}
      tabIndex={isActive ? 0 : -1}
      className={styles.message}
      data-reply={message.role === MessageRole.ASSISTANT || undefined}
      data-target={isTarget || undefined}
      data-message={message.id}
    >
      <div className={styles.head}>
        <span className={styles.sender} id={`${id}-sender`}>
          <ActorName actor={message.sender} />
        </span>
        {message.role !== MessageRole.USER && <span>{role}</span>}
        <span id={`${id}-time`}>
          <Time value={message.createTime} withClock />
        </span>
        {message.editTime !== undefined && !isDeleted && <span>{words.edited(message.revision)}</span>}
        {isDeleted && <Badge {...BADGE}>{words.deleted}</Badge>}
        {message.state === MessageState.FAILED && <Badge {...BADGE}>{words.failed}</Badge>}
        <span className={styles.menu}>
          {!isDeleted && <AddReaction message={message} label={label} isActive={isActive} onChange={onChange} />}
          <MessageMenu
            message={message}
            label={label}
            isActive={isActive}
            onChange={onChange}
            onEdit={() => setIsEditing(true)}
            onReply={() => setIsThread(true)}
          />
        </span>
      </div>
      {message.replyTo !== "" && (
        <MessageQuote conversationId={message.conversationId} messageId={message.replyTo} onChange={onChange} />
      )}
      {isEditing ? (
        <MessageEditor message={message} onChange={onChange} onClose={closeEditor} />
      ) : (
        <div className={isDeleted ? styles.deleted : styles.content}>
          {/* A message that cannot be drawn must not hide the others. */}
          <CatchBoundary
            getResetKey={() => message.etag}
            errorComponent={() => <pre className={styles.plain}>{message.content}</pre>}
          >
            <MessageContent message={message} />
          </CatchBoundary>
        </div>
      )}
      <Group gap={6}>
        <Reactions message={message} onChange={onChange} />
        {message.replyCount > 0 && (
          <Button variant="subtle" size="compact-xs" onClick={() => setIsThread(true)}>
            {words.replies(message.replyCount)}
          </Button>
        )}
        {readers.length > 0 && <ReadBy readers={readers} />}
      </Group>
      {failure !== undefined && <TurnFailure turn={failure} onRetry={onRetry && (() => onRetry(failure))} />}
      <Suspense>
        {isThread && <Thread message={message} onChange={onChange} onClose={() => setIsThread(false)} />}
      </Suspense>
    </li>
  );
});

function ReadBy({ readers }: { readers: readonly string[] }) {
  return (
    <span className={styles.note}>
      {words.readBy}{" "}
      {readers.slice(0, MOST_READERS).map((id, index) => (
        <Fragment key={id}>
          {index > 0 && ", "}
          <MemberName id={id} />
        </Fragment>
      ))}
      {words.andMore(readers.length - MOST_READERS)}
    </span>
  );
}

const BADGE = { size: "xs", variant: "default", radius: "sm", tt: "none" } as const;
