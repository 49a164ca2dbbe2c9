// Chat, ResumeTurn and CancelTurn: stores a message, then an agent replies, whether or not a client is connected.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { TurnPolicy, type TurnStarted, TurnStartedSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import {
  type CancelTurnRequest,
  CancelTurnRequestSchema,
  type CancelTurnResponseSchema,
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponseSchema,
  type ResumeTurnRequest,
  type ResumeTurnResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { LiveTurnTask } from "../../agents/turns/live-turn.ts";
import { replyRequestOf } from "../../agents/turns/reply-request.ts";
import type { Turns } from "../../agents/turns/turns.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { MessageDraft } from "../../domain/messages/diff.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import { MAX_REPLY_BYTES, TurnState } from "../../domain/turns/turn.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type AgentRow, findAgent } from "../../store/agents/agents.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Database, Queryable, Transaction } from "../../store/database.ts";
import { claim, firstAnswer, keep, type RequestKey } from "../../store/idempotency/idempotency.ts";
import { type MessageRow, readLockedMessage } from "../../store/messages/messages.ts";
import { appendMessages } from "../../store/messages/sends.ts";
import { countWaiting, followTurn, insertTurn, openTurns } from "../../store/turns/turns.ts";
import { lockVisible, requireOpen, requireWrite } from "../conversations/access.ts";
import { toDraft, toMessage } from "../convert.ts";
import { requestKeyOf } from "../mutations.ts";
import { type TurnEvent, toTurn, toTurnEvent } from "./convert.ts";
import { findSentMessage } from "./sent-message.ts";

/** Attempts to end a conflicting turn before the new one fails. */
const ATTEMPTS = 5;

export interface ChatParts {
  readonly database: Database;
  readonly turns: Turns;
  readonly rolePolicy: RolePolicy;
}

export async function* chat(
  parts: ChatParts,
  request: ChatRequest,
  context: CallContext,
): AsyncIterable<MessageInitShape<typeof ChatResponseSchema>> {
  const caller = callerFrom(context.principal);
  const key = requestKeyOf(ChatRequestSchema, request, context, caller);
  parts.rolePolicy.check(caller, [toDraft(request.message ?? create(MessageSchema))], () => "message.role");
  const started = await begin(parts, caller, request, key);
  yield { event: { case: "started", value: started } };
  for await (const event of followed(parts.turns, caller, started.turn?.id ?? "", 0, context.signal)) yield { event };
}

export async function* resumeTurn(
  { turns }: Pick<ChatParts, "turns">,
  { turnId, offset }: ResumeTurnRequest,
  context: CallContext,
): AsyncIterable<MessageInitShape<typeof ResumeTurnResponseSchema>> {
  const { principal, signal } = context;
  const caller = callerFrom(principal);
  if (!isOurId(turnId)) throw notFound("turn");
  const from = Math.min(Number(offset), MAX_REPLY_BYTES);
  for await (const event of followed(turns, caller, turnId.toLowerCase(), from, signal, () => context.flushHeaders()))
    yield { event };
}

export async function cancelTurn(
  { database, turns }: Pick<ChatParts, "database" | "turns">,
  request: CancelTurnRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof CancelTurnResponseSchema>> {
  const caller = callerFrom(context.principal);
  const key = requestKeyOf(CancelTurnRequestSchema, request, context, caller);
  const id = request.turnId.toLowerCase();
  const row = isOurId(id) ? await followTurn(database, caller, id, 0) : undefined;
  if (row === undefined) throw notFound("turn");
  const conversationId = row.conversation_id;
  await database.transaction(
    undefined,
    async (tx) => {
      // No response is stored: the turn stays as it ended, so a retry finds the same.
      if (key) await claim(tx, key);
      requireWrite(caller, await lockVisible(tx, caller, conversationId));
    },
    { conversation: { tenantId: caller.tenantId, id: conversationId } },
  );
  await turns.cancel({ tenantId: caller.tenantId, conversationId, id });
  const ended = await followTurn(database, caller, id, 0);
  if (ended === undefined) throw notFound("turn");
  return { turn: toTurn(ended) };
}

/** A turn's events to its end. A failed turn's last event is followed by the error. */
async function* followed(
  turns: Turns,
  caller: Caller,
  id: string,
  offset: number,
  signal: AbortSignal,
  found?: () => void,
): AsyncIterable<TurnEvent> {
  for await (const step of turns.follow(caller, id, offset, signal, () => notFound("turn"), found)) {
    yield toTurnEvent(step);
    if (step.kind === "ended" && step.turn.state === TurnState.FAILED) {
      throw new DomainError(ErrorReason.AGENT_FAILED, step.turn.failure, { metadata: { turn_id: id } });
    }
  }
}

/** Stores the message with its turn, and starts the turn. A retry returns what the first call returned. */
async function begin(
  parts: ChatParts,
  caller: Caller,
  request: ChatRequest,
  key: RequestKey | undefined,
): Promise<TurnStarted> {
  for (let attempt = 1; ; attempt++) {
    let inTheWay: Awaited<ReturnType<typeof openTurns>> = [];
    try {
      // The call's own signal is left out: once the turn is stored, it must run, even if the caller is disconnected.
      const beginOnce = async (tx: Transaction) => {
        inTheWay = [];
        const first = key && (await claim(tx, key));
        if (first) return { started: fromBinary(TurnStartedSchema, firstAnswer(first)), task: undefined };
        const conversation = await lockVisible(tx, caller, request.conversationId);
        requireWrite(caller, conversation);
        const draft = toDraft(request.message ?? create(MessageSchema));
        const sent = await findSentMessage(tx, caller, conversation.id, draft);
        if (sent?.started) return { started: sent.started, task: undefined };
        requireOpen(conversation.status);
        const agent = await requireAgent(tx, caller, conversation.id);
        inTheWay = await openTurns(tx, caller.tenantId, conversation.id);
        checkFree(inTheWay, request.ifRunning);
        if (inTheWay.length > 0) await checkRoom(tx, caller, conversation.id);
        const asked = sent?.message ?? (await addMessage(tx, caller, conversation.id, draft));
        const written = await write(tx, parts, caller, agent, asked, inTheWay.length > 0);
        if (key) await keep(tx, key, toBinary(TurnStartedSchema, written.started), conversation.id);
        return written;
      };
      const { started, task } = await parts.database.transaction(undefined, beginOnce, {
        conversation: { tenantId: caller.tenantId, id: request.conversationId },
      });
      if (task) parts.turns.run(task);
      return started;
    } catch (error) {
      const busy = error instanceof DomainError && error.reason === ErrorReason.TURN_IN_PROGRESS;
      if (!busy || attempt >= ATTEMPTS) throw error;
      await clear(parts.turns, caller, request, inTheWay, error);
    }
  }
}

async function addMessage(tx: Queryable, caller: Caller, id: string, draft: MessageDraft): Promise<MessageRow> {
  const seq = await appendMessages(tx, caller, id, [draft]);
  const message = seq === undefined ? undefined : await readLockedMessage(tx, caller, id, seq);
  if (message === undefined) throw new Error("a message that was just added is not there");
  return message;
}

async function write(
  tx: Queryable,
  { database, turns }: ChatParts,
  caller: Caller,
  agent: AgentRow,
  message: MessageRow,
  queued: boolean,
): Promise<{ started: TurnStarted; task: LiveTurnTask }> {
  const { conversation_id: conversationId, seq } = message;
  const state = queued ? TurnState.QUEUED : TurnState.RUNNING;
  const turn = await insertTurn(tx, caller, conversationId, agent.id, seq, state, turns.lease);
  const place = { tenantId: caller.tenantId, conversationId, id: turn.id };
  return {
    started: create(TurnStartedSchema, { turn: toTurn(turn), message: toMessage(message) }),
    task: { place, queued, messageSeq: seq, agent, readRequest: () => replyRequestOf(database, place, message) },
  };
}

/** Throws TURN_IN_PROGRESS if an open turn conflicts; a turn that may wait does not conflict with live ones. */
function checkFree(open: readonly { id: string; expired: boolean }[], policy: TurnPolicy): void {
  const blocking = policy === TurnPolicy.QUEUE ? open.find(({ expired }) => expired) : open[0];
  if (blocking === undefined) return;
  throw new DomainError(ErrorReason.TURN_IN_PROGRESS, "another turn is running in the conversation", {
    metadata: { turn_id: blocking.id },
    retryAfterMs: 1_000,
  });
}

/** Maximum waiting turns. Each takes a place in the queue, and most hold an open stream. */
const MAX_WAITING = { conversation: 20, caller: 50, tenant: 1_000 } as const;
const WAITS_IN = { conversation: "the conversation", caller: "the conversations of one caller", tenant: "the tenant" };

/** Throws QUOTA_EXCEEDED if the maximum of turns waits. Concurrent calls may exceed it by a few. */
async function checkRoom(tx: Queryable, caller: Caller, conversationId: string): Promise<void> {
  const waiting = await countWaiting(tx, caller, conversationId);
  for (const where of ["conversation", "caller", "tenant"] as const) {
    const most = MAX_WAITING[where];
    if (waiting[where] < most) continue;
    const description = `${most} turns wait in ${WAITS_IN[where]}: no more may`;
    const subject = { conversation: `conversation:${conversationId}`, caller: caller.name, tenant: "tenant" }[where];
    throw new DomainError(ErrorReason.QUOTA_EXCEEDED, description, {
      quota: { subject, description },
      retryAfterMs: 5_000,
    });
  }
}

/** Ends conflicting turns if the policy allows it; otherwise throws the error that reported them. */
async function clear(
  turns: Turns,
  caller: Caller,
  { conversationId, ifRunning }: ChatRequest,
  open: readonly { id: string; expired: boolean }[],
  error: DomainError,
): Promise<void> {
  const placeOf = ({ id }: { id: string }) => ({ tenantId: caller.tenantId, conversationId, id });
  const expired = open.filter((turn) => turn.expired);
  if (expired.length > 0) {
    for (const turn of expired) await turns.endAbandoned(placeOf(turn));
  } else if (ifRunning === TurnPolicy.INTERRUPT) {
    // The queued ones first, so that none of them begins when the running one ends.
    for (const turn of open.toReversed()) await turns.cancel(placeOf(turn));
  } else {
    throw error;
  }
}

async function requireAgent(tx: Queryable, caller: Caller, conversationId: string): Promise<AgentRow> {
  const conversation = await readConversation(tx, caller, conversationId);
  const name = conversation?.agent ?? "";
  const agent = name === "" ? undefined : await findAgent(tx, caller.tenantId, name);
  if (agent !== undefined && !agent.disabled) return agent;
  const description = agent ? "names an agent that is disabled" : "names no registered agent";
  throw new DomainError(ErrorReason.UNKNOWN_REFERENCE, `conversation.agent: ${description}`, {
    violations: [{ field: "conversation.agent", description, rule: "reference" }],
  });
}
