// Tells those who take no part in a conversation what their look at it means.
import { Alert } from "@mantine/core";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { OutsideReads } from "../../../gen/colloquy/v1/tenant_pb.ts";
import { useAccess } from "../auth/use-access.ts";
import { text } from "../strings/en.ts";

const WORDS: Readonly<Record<number, string>> = {
  [OutsideReads.AUDITED]: text.conversation.readIsAudited,
  [OutsideReads.NEVER]: text.conversation.readIsOff,
};

export function OutsideNotice({ conversation: { ownerId, memberView } }: { conversation: Conversation }) {
  const { memberId, outsideReads } = useAccess();
  const words = WORDS[outsideReads];
  const isInside = memberView?.participating === true || (memberId !== "" && memberId === ownerId);
  if (isInside || words === undefined) return null;
  return (
    <Alert color="yellow" role="note" m="xs" py={6}>
      {words}
    </Alert>
  );
}
