// The place of a name that is being read: an id in it would be read as a name, and what stands beside it would jump.
import styles from "./awaited-name.module.css";

export function AwaitedName({ id }: { id: string }) {
  return (
    <span className={styles.awaited} title={id}>
      {NO_BREAK_SPACE}
    </span>
  );
}

/** Gives it the height of a line. */
const NO_BREAK_SPACE = "\u00a0";
