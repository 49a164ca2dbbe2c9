// A reply that is being written: its entries as they come, and what it waits for.
import { Button, Group, Loader, Text, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { type AwaitedCall, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { text } from "../strings/en.ts";
import { FailureNotice } from "../ui/failure-notice.tsx";
import type { Draft } from "./drafts.ts";
import { Fold, Source } from "./fold.tsx";
import { MarkdownText } from "./markdown-text.tsx";
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
              <Awaited key={call.callId + call.approvalId} call={call} control={control} />
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
    <div>
      {blocksOf(written).map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks are only added
        <MarkdownText key={index} source={block} />
      ))}
    </div>
  );
}

function Awaited({ call, control }: { call: AwaitedCall; control: TurnControl }) {
  const [result, setResult] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void control.giveResult(call.callId, result).catch(() => {});
  };
  if (call.approvalId !== "") {
    const answer = (granted: boolean) => void control.approve(call.approvalId, granted).catch(() => {});
    return (
      <Group gap="xs" role="group" aria-label={words.mayRun(call.name)}>
        <Text size="sm">{words.mayRun(call.name)}</Text>
        <Button size="xs" onClick={() => answer(true)}>
          {words.approve}
        </Button>
        <Button size="xs" variant="default" onClick={() => answer(false)}>
          {words.deny}
        </Button>
      </Group>
    );
  }
  return (
    <form onSubmit={submit}>
      <Group gap="xs" align="end">
        <Textarea
          className={styles.result}
          autosize
          minRows={2}
          maxRows={12}
          label={words.resultOf(call.name)}
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
