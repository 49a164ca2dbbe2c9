// What a message said before: each edit as the difference that it made.
import { useQuery } from "@connectrpc/connect-query";
import { Modal, Text } from "@mantine/core";
import { diffWordsWithSpace } from "diff";
import { Fragment } from "react";
import type { Message } from "../../../../gen/colloquy/v1/message_pb.ts";
import { MessageService } from "../../../../gen/colloquy/v1/message_service_pb.ts";
import { text } from "../../strings/en.ts";
import { ActorName } from "../../ui/actor-name.tsx";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { Loading } from "../../ui/loading.tsx";
import { Time } from "../../ui/time.tsx";
import styles from "./revisions.module.css";

const words = text.conversation;
/** Comparing takes the square of it. */
const MAX_COMPARED = 20_000;

export default function Revisions({ message, onClose }: { message: Message; onClose: () => void }) {
  const { data, error, isError } = useQuery(MessageService.method.listMessageRevisions, {
    messageId: message.id,
    pageSize: 200,
  });
  const byAge = [...(data?.revisions ?? [])].sort((a, b) => a.revision - b.revision);
  const texts = [...byAge.map(({ content }) => content), message.content];
  return (
    <Modal opened onClose={onClose} title={words.revisions} size="lg" lockScroll={false}>
      {isError && <FailureNotice error={error} />}
      {data === undefined && !isError && <Loading />}
      {byAge
        .map(({ revision, createTime, editor }, index) => (
          <section key={revision} className={styles.revision}>
            <Text size="xs" c="dimmed">
              {words.changedBy} <ActorName actor={editor} />{" "}
              <Time value={byAge[index + 1]?.createTime ?? message.editTime ?? createTime} />
            </Text>
            <Difference before={texts[index] ?? ""} after={texts[index + 1] ?? ""} />
          </section>
        ))
        .reverse()}
    </Modal>
  );
}

function Difference({ before, after }: { before: string; after: string }) {
  if (before.length + after.length > MAX_COMPARED) return <p className={styles.text}>{before}</p>;
  let place = 0;
  return (
    <p className={styles.text}>
      {diffWordsWithSpace(before, after).map(({ value, added, removed }) => {
        const key = place;
        place += value.length;
        if (added) return <ins key={key}>{value}</ins>;
        if (removed) return <del key={key}>{value}</del>;
        return <Fragment key={key}>{value}</Fragment>;
      })}
    </p>
  );
}
