// What is attached to the message that one writes: how far it is sent, why it was not, and how to take it out.
import { Button, CloseButton } from "@mantine/core";
import { useSyncExternalStore } from "react";
import { failureOf, isLasting } from "../../api/failure.ts";
import { useServices } from "../../app/services.ts";
import { text } from "../../strings/en.ts";
import { fileText } from "../../strings/files.ts";
import { withSizes } from "../../ui/amounts.ts";
import { useFileFacts } from "../message/file-facts.ts";
import styles from "./attachment-list.module.css";
import { type Attachment, MOST_FILES } from "./attachments.ts";
import type { Attachments } from "./use-attachments.ts";

export function AttachmentList({ attachments }: { attachments: Attachments }) {
  const { all, isTooMany } = attachments;
  return (
    <>
      {all.length > 0 && (
        <ul className={styles.list} aria-label={fileText.attached}>
          {all.map((one) => (
            <li key={one.key} className={styles.item}>
              <Item
                attachment={one}
                onRetry={() => attachments.retry(one.key)}
                onRemove={() => attachments.remove(one.key)}
              />
            </li>
          ))}
        </ul>
      )}
      {isTooMany && (
        <p className={styles.error} role="alert">
          {fileText.tooMany(MOST_FILES)}
        </p>
      )}
    </>
  );
}

interface ItemProps {
  readonly attachment: Attachment;
  readonly onRetry: () => void;
  readonly onRemove: () => void;
}

function Item({ attachment, onRetry, onRemove }: ItemProps) {
  const { file, picture, sentBytes, fileId, error, mediaType } = attachment;
  const { connection } = useServices();
  const isLost = useSyncExternalStore(connection.subscribe, connection.isLost);
  // Other clients name the files of a draft by their ids alone.
  const facts = useFileFacts({ source: { case: "fileId", value: fileId ?? "" }, name: attachment.name, mediaType });
  const name = facts.name || text.conversation.file;
  return (
    <>
      {picture !== undefined && <img src={picture} alt="" className={styles.picture} />}
      <span className={styles.facts}>
        <bdi className={styles.name} title={name}>
          {name}
        </bdi>
        {error !== undefined && (
          <span className={styles.error} role="alert">
            {withSizes(failureOf(error, isLost).message)}
          </span>
        )}
        {error === undefined && fileId === undefined && (
          <progress aria-label={fileText.sending(name)} max={Math.max(1, file?.size ?? 1)} value={sentBytes} />
        )}
      </span>
      {error !== undefined && !isLasting(error) && (
        <Button variant="default" size="compact-xs" onClick={onRetry}>
          {text.failure.retry}
        </Button>
      )}
      <CloseButton size="sm" aria-label={fileText.remove(name)} onClick={onRemove} />
    </>
  );
}
