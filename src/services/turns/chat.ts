// Chat: stores a message, then an agent replies, whether or not a client is connected.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { TurnPolicy, type TurnStarted, TurnStartedSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import {
  type ChatRequest,
  ChatRequestSchema,
  type ChatResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { LiveTurnTask } from "../../agents/turns/live-task.ts";
import { replyRequestOf } from "../../agents/turns/reply-request.ts";
import type { Turns } from "../../agents/turns/turns.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import type { RolePolicy } from "../../domain/messages/role-policy.ts";
import type { StoredTool } from "../../domain/turns/agent-tool.ts";
import { TurnState } from "../../domain/turns/turn.ts";
import { BEGINNING } from "../../domain/turns/turn-cursor.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { type AgentRow, findAgent } from "../../store/agents/agents.ts";
import { readConversation } from "../../store/conversations/conversations.ts";
import type { Database, Queryable, Transaction } from "../../store/database.ts";
import { claim, firstAnswer, keep, type RequestKey } from "../../store/idempotency/idempotency.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { countWaiting, insertTurn, openTurns } from "../../store/turns/turns.ts";
import { lockVisible, requireOpen, requireWrite } from "../conversations/access.ts";
import { toDraft, toMessage } from "../convert.ts";
import { requestKeyOf } from "../mutations.ts";
import { toTurn } from "./convert.ts";
import { followed } from "./follow.ts";
import { addMessage, findSentMessage } from "./sent-message.ts";
import { broughtTools, taskOf, toolsText } from "./task.ts";

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
  const brought = broughtTools(request.tools);
  parts.rolePolicy.check(caller, [toDraft(request.message ?? create(MessageSchema))], () => "message.role");
  const started = await begin(parts, caller, request, brought, key);
  yield { event: { case: "started", value: started } };
  const from = request.streamEntries ? { cursor: BEGINNING } : { offset: 0 };
  const id = started.turn?.id ?? "";
  for await (const event of followed(parts.turns, { caller, id, from, signal: context.signal })) yield { event };
}

/** Stores the message with its turn, and starts the turn. A retry returns what the first call returned. */
async function begin(
  parts: ChatParts,
  caller: Caller,
  request: ChatRequest,
  brought: readonly StoredTool[],
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
        const asked =
          sent?.message ?? (await addMessage(tx, caller, conversation, draft, request.message?.parentId ?? ""));
        const written = await write(tx, parts, caller, agent, asked, brought, inTheWay.length > 0);
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

async function write(
  tx: Queryable,
  { database, turns }: ChatParts,
  caller: Caller,
  agent: AgentRow,
  message: MessageRow,
  brought: readonly StoredTool[],
  queued: boolean,
): Promise<{ started: TurnStarted; task: LiveTurnTask }> {
  const { conversation_id: conversationId, seq } = message;
  const state = queued ? TurnState.QUEUED : TurnState.RUNNING;
  const turn = await insertTurn(tx, caller, conversationId, agent.id, seq, state, turns.lease, toolsText(brought));
  const place = { tenantId: caller.tenantId, conversationId, id: turn.id };
  return {
    started: create(TurnStartedSchema, { turn: toTurn(turn), message: toMessage(message) }),
    task: taskOf(turn, place, agent, brought, [], (tools) => replyRequestOf(database, place, message, tools)),
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
