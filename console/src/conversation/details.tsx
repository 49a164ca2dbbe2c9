// What there is to know of a conversation besides its messages, and its export.
import { toJsonString } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { createClient, type Transport } from "@connectrpc/connect";
import { useQuery } from "@connectrpc/connect-query";
import { Anchor, Button, Code, Drawer, Stack, Text, Title } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { ParticipantService } from "../../../gen/colloquy/v1/participant_service_pb.ts";
import { RecordSchema } from "../../../gen/colloquy/v1/record_pb.ts";
import { TransferService } from "../../../gen/colloquy/v1/transfer_service_pb.ts";
import { useServices } from "../app/services.ts";
import { text } from "../strings/en.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { MemberName } from "../ui/member-name.tsx";
import { save } from "../ui/save.ts";
import { Time } from "../ui/time.tsx";
import { Branches } from "./branches.tsx";
import { Source } from "./message/fold.tsx";

const words = text.conversation;

const NDJSON = "application/x-ndjson";
const CLOSE = { "aria-label": text.common.close };

export interface DetailsProps {
  readonly conversation: Conversation;
  readonly onClose: () => void;
}

export default function Details({ conversation, onClose }: DetailsProps) {
  const { id, ownerId, agent, mode, entityType, entityId, labels, metadata, createTime, number, origin } = conversation;
  const facts = [
    [words.id, <Code key="id">{id}</Code>],
    [words.number, number > 0n && String(number)],
    [words.owner, ownerId && <NameAndId key="owner" id={ownerId} />],
    [words.forkedFrom, origin !== undefined && <Origin key="origin" conversationId={origin.conversationId} />],
    [words.agent, agent],
    [words.mode, mode],
    [words.entity, entityType && `${entityType} ${entityId}`],
    [words.created, <Time key="created" value={createTime} />],
    [words.labels, Object.keys(labels).length > 0 && <Labels key="labels" labels={labels} />],
  ] as const;
  return (
    <Drawer opened onClose={onClose} position="right" title={words.details} lockScroll={false} closeButtonProps={CLOSE}>
      <Stack gap="md">
        <Stack component="dl" gap="xs" m={0}>
          {facts
            .filter(([, value]) => value)
            .map(([name, value]) => (
              <div key={name}>
                <Text component="dt" size="xs" c="dimmed">
                  {name}
                </Text>
                <Text component="dd" size="sm" m={0} style={{ overflowWrap: "anywhere" }}>
                  {value}
                </Text>
              </div>
            ))}
        </Stack>
        <Participants conversationId={id} />
        <Branches conversationId={id} />
        {metadata !== undefined && (
          <section>
            <Title order={2} size="h6">
              {words.metadata}
            </Title>
            <Source text={JSON.stringify(metadata)} />
          </section>
        )}
        <Export conversationId={id} />
      </Stack>
    </Drawer>
  );
}

function Participants({ conversationId }: { conversationId: string }) {
  const { data, error, isError } = useQuery(ParticipantService.method.listParticipants, {
    conversationId,
    pageSize: 200,
  });
  const marks = useQuery(ParticipantService.method.listReadMarks, { conversationId, pageSize: 200 }).data?.readMarks;
  const readTimes = new Map(marks?.map(({ memberId, readTime }) => [memberId, readTime]));
  if (isError) return <FailureNotice error={error} />;
  return (
    <section>
      <Title order={2} size="h6">
        {words.participants}
      </Title>
      {data?.participants.length === 0 && <Text size="sm">{words.nobody}</Text>}
      <ul>
        {data?.participants.map(({ memberId, readSeq }) => (
          <li key={memberId} style={{ overflowWrap: "anywhere" }}>
            <NameAndId id={memberId} />{" "}
            <Text span size="xs" c="dimmed">
              {readSeq === 0n ? words.readNothing : <LastRead value={readTimes.get(memberId)} />}
            </Text>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Labels({ labels }: Pick<Conversation, "labels">) {
  return Object.entries(labels).map(([name, value]) => (
    <div key={name}>
      {name}: {value}
    </div>
  ));
}

/** By its title, where one may see it. */
function Origin({ conversationId }: { conversationId: string }) {
  const { data } = useQuery(ConversationService.method.getConversation, { conversationId }, { retry: false });
  return (
    <Anchor
      size="sm"
      renderRoot={(props) => <Link to="/conversations/$conversationId" params={{ conversationId }} {...props} />}
    >
      {data?.conversation?.title || words.origin}
    </Anchor>
  );
}

/** Its name, and the id to copy. */
function NameAndId({ id }: { id: string }) {
  return (
    <>
      <MemberName id={id} /> <CopyButton value={id} label={text.copy.id} />
    </>
  );
}

/** A mark that an import brought has no time. */
function LastRead({ value }: { value: Timestamp | undefined }) {
  if (value === undefined) return words.readSome;
  return (
    <>
      {words.readOn} <Time value={value} withClock />
    </>
  );
}

function Export({ conversationId }: { conversationId: string }) {
  const { transport } = useServices();
  const [records, setRecords] = useState(0);
  const exporting = useMutation({
    mutationFn: () => save(`${conversationId}.ndjson`, NDJSON, () => exported(transport, conversationId, setRecords)),
  });
  return (
    <section>
      <Button variant="default" size="xs" loading={exporting.isPending} onClick={() => exporting.mutate()}>
        {words.export}
      </Button>
      {exporting.isPending && <Text role="status">{words.exported(records)}</Text>}
      {exporting.isError && <FailureNotice error={exporting.error} />}
    </section>
  );
}

/** One record of JSON a line, which ImportConversations reads. */
async function* exported(transport: Transport, conversationId: string, onProgress: (records: number) => void) {
  let records = 0;
  for await (const { record } of createClient(TransferService, transport).exportConversations({ conversationId })) {
    if (record === undefined) continue;
    yield `${toJsonString(RecordSchema, record, { useProtoFieldName: true })}\n`;
    if (++records % 1_000 === 0) onProgress(records);
  }
}
