// Says that a live feed has ended and is tried anew.
import { text } from "../strings/en.ts";
import styles from "./connection-notice.module.css";

export function FeedNotice({ isLost }: { isLost: boolean }) {
  return (
    <div role="status" className={isLost ? styles.lost : undefined}>
      {isLost ? text.connection.feedLost : ""}
    </div>
  );
}
