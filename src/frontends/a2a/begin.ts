// SendMessage: the message begins a task in its context, or answers the task that it names.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Turn, TurnPolicy, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { type Message, Role, type SendMessageRequest } from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { keepFiles } from "../../dialects/shared/files/keep.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { DEFAULT_AGENT, withAgent } from "../shared/agents.ts";
import { checkClientId, findConversation } from "../shared/conversations.ts";
import { shownEntriesOfTurn } from "../shared/history.ts";
import { type Answers, areGiven, readAnswers } from "./answers.ts";
import { pushNotSupported, taskNotFound, unsupported } from "./errors.ts";
import { readMessage } from "./parts.ts";
import { isOver, type TurnEvents } from "./reply-stream.ts";
import { checkHistoryLength, contextIdOf } from "./tasks.ts";

export interface Begun {
  readonly turn: Turn;
  readonly contextId: string;
  readonly events: TurnEvents;
  /** Ids of the entries that were there before. */
  readonly known: ReadonlySet<string>;
}

export async function begin(canonical: Canonical, context: CallContext, request: SendMessageRequest): Promise<Begun> {
  const { message } = request;
  if (message === undefined) throw invalidField("message", "must be set", "required");
  if (message.role === Role.AGENT) throw invalidField("message.role", "must be ROLE_USER", "role");
  checkHistoryLength("configuration.history_length", request.configuration?.historyLength);
  // Whoever relies on being told would wait for ever.
  if (request.configuration?.taskPushNotificationConfig !== undefined) throw pushNotSupported();
  const read = readMessage(message);
  if (message.taskId !== "") return answer(canonical, context, message);
  const init = await keepFiles(canonical, context, message.contextId, read);
  const { id: conversationId, contextId } = await contextOf(canonical, context, message, request.tenant);
  // A new message ends a turn that waits for something else; one that runs it waits for.
  const waiting = { conversationId, state: TurnState.INPUT_REQUIRED, pageSize: 1 };
  const { turns } = await canonical.call(context, TurnService.method.listTurns, waiting);
  const ifRunning = turns.length > 0 ? TurnPolicy.INTERRUPT : TurnPolicy.QUEUE;
  const chat = { conversationId, message: init, ifRunning, streamEntries: true };
  const events = canonical.stream(context, TurnService.method.chat, chat)[Symbol.asyncIterator]();
  const { value } = await events.next();
  const turn = value?.event.case === "started" ? value.event.value.turn : undefined;
  if (turn === undefined) throw new Error("a turn began without an answer");
  return { turn, contextId, events: { [Symbol.asyncIterator]: () => events } as TurnEvents, known: new Set() };
}

async function contextOf(canonical: Canonical, context: CallContext, { contextId }: Message, tenant: string) {
  const agent = tenant || DEFAULT_AGENT;
  if (contextId !== "") {
    checkClientId("message.context_id", contextId);
    const found = await findConversation(canonical, context, contextId);
    if (found?.agent) return { id: found.id, contextId: contextIdOf(found) };
    if (found !== undefined) {
      await requireAgent(canonical, context, agent);
      await withAgent(canonical, context, found, agent);
      return { id: found.id, contextId: contextIdOf(found) };
    }
  }
  await requireAgent(canonical, context, agent);
  const made = { conversation: { clientId: contextId, agent } };
  const { conversation } = await canonical.call(context, ConversationService.method.createConversation, made);
  if (conversation === undefined) throw new Error("a conversation was created without an answer");
  return { id: conversation.id, contextId: contextIdOf(conversation) };
}

/** Throws INVALID_FIELD. */
async function requireAgent(canonical: Canonical, context: CallContext, agentId: string): Promise<void> {
  try {
    await canonical.call(context, AgentService.method.getAgent, { agentId });
  } catch (error) {
    const missing = error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND;
    throw missing ? invalidField("tenant", "must be the name of an agent", "tenant") : error;
  }
}

async function answer(canonical: Canonical, context: CallContext, message: Message): Promise<Begun> {
  const { getTurn, answerTurn, resumeTurn } = TurnService.method;
  const found = await canonical.call(context, getTurn, { turnId: message.taskId }).catch((error: unknown) => {
    throw error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND ? taskNotFound() : error;
  });
  const { turn } = found;
  if (turn === undefined) throw taskNotFound();
  const { conversationId } = turn;
  const { conversation } = await canonical.call(context, ConversationService.method.getConversation, {
    conversationId,
  });
  const contextId = conversation === undefined ? conversationId : contextIdOf(conversation);
  if (message.contextId !== "" && ![contextId, conversationId].includes(message.contextId)) {
    throw invalidField("message.context_id", "must be that of the task", "context_id");
  }
  const waits = turn.state === TurnState.INPUT_REQUIRED;
  const entries = () => shownEntriesOfTurn(canonical, context, turn.id);
  const before = await entries();
  const answers = waits ? readAnswers(message) : repeatedAnswers(message, turn, before);
  const known = new Set(before.map(({ id }) => id));
  // The same message is taken once, however often it comes.
  const key = createHash("sha256").update(`${turn.id} ${message.messageId}`).digest("hex");
  const give = () => canonical.once(context, answerTurn, { turnId: turn.id, ...answers }, `a2a ${key}`);
  let now = turn;
  try {
    const taken = await onceFree(give, context.signal);
    if (waits && taken.turn !== undefined) now = taken.turn;
  } catch (error) {
    if (!(error instanceof DomainError) || error.reason !== ErrorReason.NOT_AWAITED) throw error;
    if (!waits) throw notWaiting(turn);
    // The same answers, sent twice at once: the others were first.
    if (!areGiven(await entries(), answers)) throw error;
    now = (await canonical.call(context, getTurn, { turnId: turn.id })).turn ?? turn;
  }
  const events = canonical.stream(context, resumeTurn, { turnId: turn.id, streamEntries: true });
  return { turn: now, contextId, events, known };
}

/** Those of a message that was sent before. Throws UNSUPPORTED_OPERATION for others: the task waits for nothing. */
function repeatedAnswers(message: Message, turn: Turn, entries: Parameters<typeof areGiven>[0]): Answers {
  try {
    const answers = readAnswers(message);
    if (areGiven(entries, answers)) return answers;
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
  }
  throw notWaiting(turn);
}

function notWaiting(turn: Turn): DomainError {
  const ended = "the task has ended: a message without a task id begins another one";
  return unsupported(isOver(turn) ? ended : "the task waits for no message");
}

/** How long a message waits for one with the same id that is being stored, in milliseconds, and how often it looks. */
const SAME_MS = 5_000;
const LOOK_MS = 50;

async function onceFree<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const until = performance.now() + SAME_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const isTaken = error instanceof DomainError && error.reason === ErrorReason.REQUEST_IN_PROGRESS;
      if (!isTaken || performance.now() >= until) throw error;
    }
    await sleep(LOOK_MS, undefined, { signal });
  }
}
