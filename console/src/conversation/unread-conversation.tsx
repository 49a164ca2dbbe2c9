// In place of a conversation that could not be read: why, and the way back.
import { Code, ConnectError } from "@connectrpc/connect";
import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { lastList } from "../conversations/last-list.ts";
import { text } from "../strings/en.ts";
import { Empty } from "../ui/empty.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";

const words = text.conversation;

export interface UnreadConversationProps {
  readonly error: unknown;
  readonly onRetry: () => void;
}

export function UnreadConversation({ error, onRetry }: UnreadConversationProps) {
  const isMissing = ConnectError.from(error).code === Code.NotFound;
  return (
    <>
      {/* What is not there will not be there at the next try. */}
      <FailureNotice error={error} {...(!isMissing && { onRetry })} />
      <Empty title={words.unread.title}>
        {isMissing && <p>{words.unread.why}</p>}
        <Anchor renderRoot={(props) => <Link to="/conversations" search={lastList()} {...props} />}>
          {words.back}
        </Anchor>
      </Empty>
    </>
  );
}
