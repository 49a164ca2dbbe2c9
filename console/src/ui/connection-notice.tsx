// Shows that the server cannot be reached, until it can.
import { useSyncExternalStore } from "react";
import { useServices } from "../app/services.ts";
import { text } from "../strings/en.ts";
import styles from "./connection-notice.module.css";

export function ConnectionNotice() {
  const { connection } = useServices();
  const isLost = useSyncExternalStore(connection.subscribe, connection.isLost);
  return (
    <div role="status" className={isLost ? styles.lost : undefined}>
      {isLost ? text.connection.lost : ""}
    </div>
  );
}
