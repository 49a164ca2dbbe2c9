// A turn that failed, beneath what it answers: why, the way to it, and another try.
import { Anchor, Button, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { Turn } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../../strings/en.ts";
import styles from "./turn-failure.module.css";

const words = text.conversation;

export interface TurnFailureProps {
  readonly turn: Turn;
  /** Undefined: it cannot be repeated, because more follows or the reader may not write. */
  readonly onRetry: (() => void) | undefined;
}

export function TurnFailure({ turn, onRetry }: TurnFailureProps) {
  const { id, failure, failureStatus, failureCode } = turn;
  return (
    <section className={styles.failure} aria-label={words.turnFailedLabel}>
      <Text size="sm" c="var(--mantine-color-error)">
        {words.turnFailed(failure, failureStatus, failureCode)}
      </Text>
      <Group gap="xs">
        <Anchor size="sm" renderRoot={(props) => <Link to="/turns/$turnId" params={{ turnId: id }} {...props} />}>
          {words.openTurn}
        </Anchor>
        {onRetry !== undefined && (
          <Button size="compact-xs" variant="default" onClick={onRetry}>
            {text.failure.retry}
          </Button>
        )}
      </Group>
    </section>
  );
}
