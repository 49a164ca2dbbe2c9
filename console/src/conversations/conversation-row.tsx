// One conversation in the list.
import { Badge } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { type Conversation, ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { text } from "../strings/en.ts";
import { unreadCount } from "../ui/amounts.ts";
import { PinIcon } from "../ui/icons.tsx";
import { MemberName } from "../ui/member-name.tsx";
import { Time } from "../ui/time.tsx";
import { activityTime } from "./activity-time.ts";
import styles from "./conversation-row.module.css";

export interface ConversationRowProps {
  /** Undefined: it is being read. */
  readonly conversation: Conversation | undefined;
  readonly index: number;
  readonly isSelected: boolean;
  readonly onSelect: (index: number) => void;
}

export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { conversation, index, isSelected, onSelect } = props;
  // One element for both, so that a row keeps the focus while it is read.
  return (
    <Link
      to="/conversations/$conversationId"
      params={{ conversationId: conversation?.id ?? "" }}
      disabled={conversation === undefined}
      className={styles.row}
      data-index={index}
      tabIndex={isSelected ? 0 : -1}
      onFocus={() => onSelect(index)}
    >
      {conversation === undefined ? <span className={styles.blank} /> : <RowContent conversation={conversation} />}
    </Link>
  );
});

function RowContent({ conversation }: { conversation: Conversation }) {
  const { title, clientId, ownerId, agent, labels, memberView, messageCount, pinned } = conversation;
  const unread = memberView?.unreadCount ?? 0;
  return (
    <>
      <span className={styles.head}>
        {(pinned || memberView?.pinned) && (
          <span title={text.conversations.pinned} className={styles.pin}>
            <PinIcon />
          </span>
        )}
        <span className={unread > 0 ? styles.unreadTitle : styles.title} dir="auto">
          {title || text.conversations.untitled}
        </span>
        {conversation.origin !== undefined && (
          <Badge {...BADGE}>
            {/* Forks of one origin have its title. */}
            {text.conversation.fork} <Time value={conversation.createTime} withClock />
          </Badge>
        )}
        <StatusBadge conversation={conversation} />
        {unread > 0 && (
          <Badge size="sm" circle={unread < 10} aria-label={text.conversations.unread(unreadCount(unread))}>
            {unreadCount(unread)}
          </Badge>
        )}
        <Time value={activityTime(conversation)} className={styles.time} />
      </span>
      <span className={styles.facts}>
        <span>{text.conversations.messages(Number(messageCount))}</span>
        {/* What tells chats without a title apart. */}
        {title === "" && clientId !== "" && <span>{clientId}</span>}
        {ownerId !== "" && (
          <span>
            <MemberName id={ownerId} />
          </span>
        )}
        {agent !== "" && <span>{agent}</span>}
        {Object.entries(labels).map(([name, value]) => (
          <span key={name} className={styles.label}>
            {name}={value}
          </span>
        ))}
      </span>
    </>
  );
}

function StatusBadge({ conversation: { status, deleteTime } }: { conversation: Conversation }) {
  if (deleteTime !== undefined)
    return (
      <Badge {...BADGE} color="red">
        {text.conversations.deleted}
      </Badge>
    );
  if (status === ConversationStatus.ARCHIVED) return <Badge {...BADGE}>{text.filters.statuses.archived}</Badge>;
  if (status === ConversationStatus.CLOSED) return <Badge {...BADGE}>{text.filters.statuses.closed}</Badge>;
  return null;
}

const BADGE = { size: "xs", variant: "default", radius: "sm", tt: "none" } as const;
