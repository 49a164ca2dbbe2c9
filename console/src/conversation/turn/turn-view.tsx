// A reply that is being written: its entries as they come, and what it waits for.
import { Button, Group, Input, Loader, Stack, Text, Textarea } from "@mantine/core";
import { type FormEvent, useId, useState } from "react";
import { MessageKind, MessageRole } from "../../../../gen/colloquy/v1/message_pb.ts";
import { type AwaitedCall, TurnState } from "../../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../../strings/en.ts";
import { AgentName } from "../../ui/actor-name.tsx";
import { FailureNotice } from "../../ui/failure-notice.tsx";
import { Fold, Source } from "../message/fold.tsx";
import { MarkdownText } from "../message/markdown-text.tsx";
import entry from "../message/message-item.module.css";
import { useMessage } from "../message/message-quote.tsx";
import { blocksOf } from "../message/text-blocks.ts";
import type { Draft, RunningTurn } from "./drafts.ts";
import styles from "./turn-view.module.css";
import type { TurnControl } from "./use-turn.ts";

const words = text.conversation;

export function TurnView({ control }: { control: TurnControl }) {
  const { running, isStopped, error } = control;
  return (
    <div className={styles.turn} aria-busy={running !== undefined}>
      {running?.drafts.map((draft) => (
        <DraftEntry key={draft.index} draft={draft} agentId={running.turn.agentId} />
      ))}
      <div className={styles.rest}>
        {error !== undefined && <FailureNotice error={error} />}
        {isStopped && (
          <Text size="sm" c="dimmed" role="status">
            {words.turnStopped}
          </Text>
        )}
        {running !== undefined && <Standing running={running} control={control} />}
      </div>
    </div>
  );
}

/** What the turn is at: it waits for answers, for another turn, or for the agent. */
function Standing({ running: { turn }, control }: { running: RunningTurn; control: TurnControl }) {
  const { state, conversationId, awaited } = turn;
  if (state === TurnState.INPUT_REQUIRED) {
    return awaited.map((call) => (
      <Awaited key={call.callId + call.approvalId} conversationId={conversationId} call={call} control={control} />
    ));
  }
  return (
    <Group gap="xs">
      <Loader size="xs" type="dots" />
      <Text size="sm" c="dimmed" role="status">
        {state === TurnState.QUEUED ? words.queued : words.replying}
      </Text>
    </Group>
  );
}

/** Drawn as the entry of the log that it will be: nothing moves when it is stored. */
function DraftEntry({ draft, agentId }: { draft: Draft; agentId: string }) {
  return (
    <div className={entry.message} data-reply data-draft>
      <div className={entry.head}>
        <bdi className={entry.sender}>
          <AgentName id={agentId} />
        </bdi>
        <span>{words.roles[MessageRole.ASSISTANT]}</span>
      </div>
      <div className={entry.content}>
        <DraftView draft={draft} />
      </div>
    </div>
  );
}

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
