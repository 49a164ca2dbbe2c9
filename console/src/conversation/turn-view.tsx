// A reply that is being written: its entries as they come, and what it waits for.
import { Button, Group, Input, Loader, Stack, Text, Textarea } from "@mantine/core";
import { type FormEvent, useId, useState } from "react";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { type AwaitedCall, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import type { Draft } from "./drafts.ts";
import { Fold, Source } from "./fold.tsx";
import { MarkdownText } from "./markdown-text.tsx";
import { useMessage } from "./message-quote.tsx";
import { blocksOf } from "./text-blocks.ts";
import styles from "./turn-view.module.css";
import type { TurnControl } from "./use-turn.ts";

const words = text.conversation;

export function TurnView({ control }: { control: TurnControl }) {
  const { running, isStopped, error } = control;
  return (
    <div className={styles.turn} aria-busy={running !== undefined}>
      {error !== undefined && <FailureNotice error={error} />}
      {isStopped && (
        <Text size="sm" c="dimmed" role="status">
          {words.turnStopped}
        </Text>
      )}
      {running !== undefined && (
        <>
          {running.drafts.map((draft) => (
            <DraftView key={draft.index} draft={draft} />
          ))}
          {waits(running.turn.state) ? (
            running.turn.awaited.map((call) => (
              <Awaited
                key={call.callId + call.approvalId}
                conversationId={running.turn.conversationId}
                call={call}
                control={control}
              />
            ))
          ) : (
            <Group gap="xs">
              <Loader size="xs" type="dots" />
              <Text size="sm" c="dimmed" role="status">
                {running.turn.state === TurnState.QUEUED ? words.queued : words.replying}
              </Text>
            </Group>
          )}
          <Button variant="default" size="xs" w="fit-content" onClick={() => void control.stop().catch(() => {})}>
            {words.stop}
          </Button>
        </>
      )}
    </div>
  );
}

const waits = (state: TurnState) => state === TurnState.INPUT_REQUIRED;

function DraftView({ draft: { kind, name, text: written } }: { draft: Draft }) {
  if (kind === MessageKind.REASONING) return <Fold title={words.reasoning}>{written}</Fold>;
  if (kind === MessageKind.TOOL_CALL) {
    return (
      <Fold title={words.call(name)}>
        <Source text={written} />
      </Fold>
    );
  }
  // Only the last one is rendered anew as the text grows.
  return (
    <div className={styles.draft}>
      {blocksOf(written).map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only added
        <MarkdownText key={index} source={block} />
      ))}
    </div>
  );
}

interface AwaitedProps {
  readonly conversationId: string;
  readonly call: AwaitedCall;
  readonly control: TurnControl;
}

function Awaited({ conversationId, call, control }: AwaitedProps) {
  const asked = <Arguments conversationId={conversationId} call={call} />;
  const [result, setResult] = useState("");
  const id = useId();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void control.giveResult(call.callId, result).catch(() => {});
  };
  if (call.approvalId !== "") {
    const answer = (granted: boolean) => void control.approve(call.approvalId, granted).catch(() => {});
    return (
      <Stack gap={6} className={styles.asked} role="group" aria-label={words.mayRun(call.name)}>
        <Text size="sm" fw={600}>
          {words.mayRun(call.name)}
        </Text>
        {asked}
        <Group gap="xs">
          <Button size="xs" onClick={() => answer(true)}>
            {words.approve}
          </Button>
          <Button size="xs" variant="default" onClick={() => answer(false)}>
            {words.deny}
          </Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={submit} className={styles.asked}>
      <Input.Label htmlFor={id}>{words.resultOf(call.name)}</Input.Label>
      {asked}
      <Group gap="xs" align="end">
        <Textarea
          className={styles.result}
          autosize
          minRows={2}
          maxRows={12}
          id={id}
          value={result}
          onChange={({ currentTarget }) => setResult(currentTarget.value)}
        />
        <Button type="submit" size="xs">
          {words.giveResult}
        </Button>
      </Group>
    </form>
  );
}

/** With what the tool is called: nobody should have to look for it before answering. */
function Arguments({ conversationId, call: { callId, messageId } }: Omit<AwaitedProps, "control">) {
  const parts = useMessage(conversationId, messageId)?.parts ?? [];
  const written = parts.flatMap(({ content }) =>
    content.case === "toolCall" && content.value.callId === callId ? [content.value.arguments ?? ""] : [],
  );
  return written.length > 0 && <Source text={written.join("\n")} />;
}
