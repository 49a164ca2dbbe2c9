// Stops the reply that is being written. It stands below the log, not in it: what grows would carry it away from under the
// pointer.
import { Button } from "@mantine/core";
import { useState } from "react";
import { text } from "../../strings/en.ts";
import styles from "./stop-turn.module.css";
import type { TurnControl } from "./use-turn.ts";

export interface StopTurnProps {
  readonly control: TurnControl;
  /** Whether it stands where nobody can write. */
  readonly isAlone?: boolean;
}

export function StopTurn({ control, isAlone = false }: StopTurnProps) {
  const id = control.running?.turn.id;
  const [stopped, setStopped] = useState<string>();
  if (id === undefined) return null;
  const stop = () => {
    setStopped(id);
    control.stop().catch(() => setStopped(undefined));
  };
  return (
    <Button
      className={isAlone ? styles.alone : styles.stop}
      variant="default"
      size="xs"
      loading={stopped === id}
      onClick={stop}
    >
      <span className={styles.word}>{text.conversation.stop}</span>
      <span className={styles.square} aria-hidden="true" />
    </Button>
  );
}
