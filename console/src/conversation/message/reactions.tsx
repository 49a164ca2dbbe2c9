// The reactions to a message, of which one adds and removes its own.
import { createClient } from "@connectrpc/connect";
import { ActionIcon, Button, Menu } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useId } from "react";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { ReactionService } from "../../../../gen/colloquy/v1/reaction_service_pb.ts";
import { useServices } from "../../app/services.ts";
import { text } from "../../strings/en.ts";
import { FailureNotice } from "../../ui/failure-notice.tsx";

const OFFERED = ["👍", "👎", "❤️", "😄", "🎉", "👀", "✅"];

export interface ReactionsProps {
  readonly message: Message;
  readonly onChange: (message: Message) => void;
}

function useReact({ message, onChange }: ReactionsProps) {
  const { transport } = useServices();
  return useMutation({
    mutationFn: async ({ reaction, isMine }: { reaction: string; isMine: boolean }) => {
      const client = createClient(ReactionService, transport);
      const request = { messageId: message.id, reaction };
      const done = isMine ? await client.removeReaction(request) : await client.addReaction(request);
      onChange({ ...message, reactions: done.reactions });
    },
  });
}

export function Reactions(props: ReactionsProps) {
  const changing = useReact(props);
  return (
    <>
      {props.message.reactions.map(({ reaction, count, mine }) => (
        <Button
          key={reaction}
          size="compact-xs"
          variant={mine ? "light" : "default"}
          aria-pressed={mine}
          onClick={() => changing.mutate({ reaction, isMine: mine })}
        >
          {reaction} {count}
        </Button>
      ))}
      {changing.isError && <FailureNotice error={changing.error} />}
    </>
  );
}

export interface AddReactionProps extends ReactionsProps {
  /** The ids of the elements that say which message it is. */
  readonly label: string;
  /** Whether the tab key stops here. */
  readonly isActive: boolean;
}

export function AddReaction({ label, isActive, ...props }: AddReactionProps) {
  const id = useId();
  const changing = useReact(props);
  return (
    <>
      <Menu id={id} position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            tabIndex={isActive ? 0 : -1}
            aria-label={text.conversation.react}
            aria-labelledby={`${id} ${label}`}
          >
            +
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {OFFERED.map((reaction) => (
            <Menu.Item key={reaction} onClick={() => changing.mutate({ reaction, isMine: false })}>
              {reaction}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      {changing.isError && <FailureNotice error={changing.error} />}
    </>
  );
}
