// A message to the agent, and its reply as it streams.
import { Anchor, Button, Textarea } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { agentText } from "../strings/agents.ts";
import { TurnBadge, tokensOf, tookOf } from "../turns/turn-words.tsx";
import { FailureNotice } from "../ui/failure-notice.tsx";
import { wordOf } from "../ui/word-of.ts";
import styles from "./try-out.module.css";
import { type Said, type TryOut as State, useTryOut } from "./use-try-out.ts";

const words = agentText.tryOut;

export function TryOut({ agent }: { agent: Agent }) {
  const state = useTryOut(agent);
  return (
    <div className={styles.frame}>
      {state.said.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <ol className={styles.log} aria-label={words.logLabel} aria-live="polite" tabIndex={0}>
          {state.said.map((said) => (
            <Entry key={said.key} said={said} agent={agent.name} />
          ))}
        </ol>
      )}
      <Composer state={state} />
      {state.error !== undefined && <FailureNotice error={state.error} />}
      <Foot state={state} />
    </div>
  );
}

function Entry({ said: { who, kind, name, text }, agent }: { said: Said; agent: string }) {
  if (kind === MessageKind.MESSAGE || kind === MessageKind.UNSPECIFIED) {
    return (
      <li>
        <div className={styles.who}>{who === "you" ? words.you : agent}</div>
        <p className={styles.text}>{text}</p>
      </li>
    );
  }
  const head = kind === MessageKind.TOOL_CALL ? words.call(name) : wordOf(MessageKind, kind, agentText.kinds);
  return (
    <li>
      <div className={styles.who}>{head}</div>
      <p className={styles.aside}>{text}</p>
    </li>
  );
}

function Composer({ state }: { state: State }) {
  const [content, setContent] = useState("");
  const canSend = content.trim() !== "" && !state.isRunning;
  const send = async (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (!canSend) return;
    setContent("");
    const isAnswered = await state.send(content);
    if (!isAnswered) setContent((typed) => (typed === "" ? content : typed));
  };
  return (
    <form className={styles.form} onSubmit={(event) => void send(event)}>
      <Textarea
        className={styles.field}
        aria-label={words.message}
        placeholder={words.message}
        rows={2}
        value={content}
        onChange={({ currentTarget }) => setContent(currentTarget.value)}
        onKeyDown={(event) => {
          // Enter sends, but ends the word that an input method composes.
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) void send(event);
        }}
      />
      {state.isRunning ? (
        <Button variant="default" onClick={state.stop} disabled={state.turn === undefined}>
          {words.stop}
        </Button>
      ) : (
        <Button type="submit" disabled={!canSend}>
          {words.send}
        </Button>
      )}
    </form>
  );
}

function Foot({ state: { turn, conversationId, isRunning, isWaiting, restart } }: { state: State }) {
  if (turn === undefined || conversationId === undefined) return null;
  return (
    <div className={styles.foot}>
      <TurnBadge turn={turn} />
      {[tookOf(turn), tokensOf(turn) && `${agentText.turn.tokens}: ${tokensOf(turn)}`, turn.failure]
        .filter((fact) => fact !== undefined && fact !== "")
        .map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
      {isWaiting && <span>{words.waiting}</span>}
      <Anchor size="sm" renderRoot={(props) => <Link to="/turns/$turnId" params={{ turnId: turn.id }} {...props} />}>
        {words.turn}
      </Anchor>
      <Anchor
        size="sm"
        renderRoot={(props) => <Link to="/conversations/$conversationId" params={{ conversationId }} {...props} />}
      >
        {words.conversation}
      </Anchor>
      {!isRunning && (
        <Anchor component="button" type="button" size="sm" onClick={restart}>
          {words.again}
        </Anchor>
      )}
    </div>
  );
}
