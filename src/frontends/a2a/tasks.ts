// Turns as tasks: their states, what they wait for, and their one artifact, the reply.
import { create, type JsonObject } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Conversation } from "../../../gen/colloquy/v1/conversation_pb.ts";
import { type Message, MessageKind, MessageRole } from "../../../gen/colloquy/v1/message_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import {
  type Message as A2aMessage,
  type Artifact,
  ArtifactSchema,
  MessageSchema,
  type Part,
  Role,
  type Task,
  TaskSchema,
  TaskState,
  type TaskStatus,
  TaskStatusSchema,
} from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { invalidField } from "../../domain/errors.ts";
import { artifactParts, dataPart, parsed, textPart, toParts } from "./parts.ts";

/** The id of the artifact, unique in its task. */
export const REPLY = "reply";

const STATES: Readonly<Record<number, TaskState>> = {
  [TurnState.QUEUED]: TaskState.SUBMITTED,
  [TurnState.RUNNING]: TaskState.WORKING,
  [TurnState.INPUT_REQUIRED]: TaskState.INPUT_REQUIRED,
  [TurnState.COMPLETE]: TaskState.COMPLETED,
  [TurnState.CANCELLED]: TaskState.CANCELED,
  [TurnState.FAILED]: TaskState.FAILED,
};

export function taskState({ state }: Turn): TaskState {
  return STATES[state] ?? TaskState.UNSPECIFIED;
}

/** The state of turns that a state of tasks stands for; undefined: no turn is ever in it. */
export function turnState(state: TaskState): TurnState | undefined {
  const [found] = Object.entries(STATES).find(([, one]) => one === state) ?? [];
  return found === undefined ? undefined : (Number(found) as TurnState);
}

export function contextIdOf({ clientId, id }: Pick<Conversation, "clientId" | "id">): string {
  return clientId || id;
}

export interface TaskParts {
  readonly turn: Turn;
  readonly contextId: string;
  /** What the turn replies to; undefined: it is not told. */
  readonly asked: Message | undefined;
  /** The entries of the turn, oldest first. */
  readonly entries: readonly Message[];
  /** The most messages of the history, the latest. Undefined: all. */
  readonly historyLength: number | undefined;
  readonly withArtifacts: boolean;
  /** Whether the artifact has entries of all kinds. Default: messages alone. */
  readonly withAll?: boolean;
}

export function toTask(told: TaskParts): Task {
  const { turn, contextId, asked, entries, historyLength, withArtifacts, withAll = false } = told;
  const said = entries.filter(({ kind, role }) => kind === MessageKind.MESSAGE && role === MessageRole.ASSISTANT);
  const history = [...(asked ? [asked] : []), ...said].map((one) => toMessage(one, turn.id, contextId));
  const parts = entries.flatMap((entry) => artifactParts(entry, withAll));
  return create(TaskSchema, {
    id: turn.id,
    contextId,
    status: toStatus(turn, contextId, entries),
    artifacts: withArtifacts && parts.length > 0 ? [toArtifact(parts)] : [],
    history: historyLength === undefined ? history : history.slice(Math.max(history.length - historyLength, 0)),
  });
}

export function toArtifact(parts: readonly Part[]): Artifact {
  return create(ArtifactSchema, { artifactId: REPLY, name: REPLY, parts: [...parts] });
}

export function toStatus(turn: Turn, contextId: string, entries: readonly Message[]): TaskStatus {
  const timestamp = statusTime(turn, entries);
  const parts = wordsOf(turn, entries);
  const message = {
    messageId: `${turn.id}:${turn.state}:${turn.step}`,
    taskId: turn.id,
    contextId,
    role: Role.AGENT,
    parts,
  };
  return create(TaskStatusSchema, {
    state: taskState(turn),
    ...(timestamp && { timestamp }),
    ...(parts.length > 0 && { message }),
  });
}

/** When it came into its state. One that waits has done so since the last call that it waits for, if the entries have it. */
export function statusTime(turn: Turn, entries: readonly Message[] = []): Timestamp | undefined {
  const awaited = lastAwaited(turn);
  const waits = awaited === undefined ? undefined : entries.find(({ id }) => id === awaited)?.createTime;
  return turn.endTime ?? waits ?? turn.startTime ?? turn.createTime;
}

/** The id of the entry with the last call that a turn waits for. Undefined: it does not wait. */
export function lastAwaited(turn: Turn): string | undefined {
  return turn.state === TurnState.INPUT_REQUIRED ? turn.awaited.at(-1)?.messageId : undefined;
}

/** Why it failed, or what it waits for. */
function wordsOf(turn: Turn, entries: readonly Message[]): Part[] {
  if (turn.failure !== "") return [textPart(turn.failure)];
  if (turn.state !== TurnState.INPUT_REQUIRED) return [];
  return turn.awaited.map(({ callId, name, messageId, approvalId }) => {
    const call = entries.find(({ id }) => id === messageId)?.parts[0]?.content;
    const input = call?.case === "toolCall" ? parsed(call.value.arguments || "{}") : {};
    const data: JsonObject =
      approvalId === ""
        ? { kind: "tool-call", toolCallId: callId, name, input }
        : { kind: "approval-request", approvalId, toolCallId: callId, name, input };
    return dataPart(JSON.stringify(data));
  });
}

function toMessage(entry: Message, taskId: string, contextId: string): A2aMessage {
  const { id, clientId, role, metadata } = entry;
  return create(MessageSchema, {
    messageId: clientId || id,
    contextId,
    taskId,
    role: role === MessageRole.ASSISTANT ? Role.AGENT : Role.USER,
    parts: toParts(entry),
    ...(metadata && { metadata }),
  });
}

/** How many of the latest messages a task shows. Throws INVALID_FIELD. */
export function checkHistoryLength(field: string, length: number | undefined): void {
  if (length !== undefined && length < 0) throw invalidField(field, "must be at least 0", "history_length");
}
