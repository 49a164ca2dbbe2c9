// Stores a turn and starts it, once no other stands in its way. A retry returns what the first call returned.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { TurnPolicy, type TurnStarted, TurnStartedSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { LiveTurnTask } from "../../agents/turns/live-task.ts";
import { replyRequestOf } from "../../agents/turns/reply-request.ts";
import type { Turns } from "../../agents/turns/turns.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import type { StoredTool } from "../../domain/turns/agent-tool.ts";
import { turnInProgress } from "../../domain/turns/in-progress.ts";
import { TurnState } from "../../domain/turns/turn.ts";
import { readOptions } from "../../domain/turns/turn-options.ts";
import type { AgentRow } from "../../store/agents/agents.ts";
import type { LockedRow } from "../../store/conversations/conversations.ts";
import type { Database, Queryable, Transaction } from "../../store/database.ts";
import { claim, firstResponse, keep, type RequestKey } from "../../store/idempotency/idempotency.ts";
import type { MessageRow } from "../../store/messages/messages.ts";
import { countWaiting } from "../../store/turns/queued-turns.ts";
import { insertTurn, type OpenTurn, openTurns } from "../../store/turns/turns.ts";
import { lockVisible, requireOpen, requireWrite } from "../conversations/access.ts";
import { toMessage } from "../convert.ts";
import { requireAgent } from "./agent.ts";
import { toTurn } from "./convert.ts";
import { taskOf, toolsText } from "./task.ts";

/** Attempts to end a conflicting turn before the new one fails. */
const ATTEMPTS = 5;

export interface TurnParts {
  readonly database: Database;
  readonly turns: Turns;
}

/** A turn that is asked for. */
export interface WantedTurn {
  readonly conversationId: string;
  readonly ifRunning: TurnPolicy;
  /** The tools that the caller brings. */
  readonly brought: readonly StoredTool[];
  readonly key: RequestKey | undefined;
  /** The id or name of the agent. Empty: the conversation's. */
  readonly agent: string;
  /** What else is asked of the agent, as the turn's row holds it. Default: nothing. */
  readonly options?: string | null;
  /**
   * Looks up what is replied to in a locked conversation, and changes nothing; so what it refuses ends no other turn.
   */
  readonly find: (tx: Transaction, conversation: LockedRow) => Promise<FoundTurn>;
}

/** A turn that has begun already, or how to put the message that is replied to at the end of the live branch. */
export type FoundTurn = { readonly started: TurnStarted } | { readonly ask: () => Promise<Asked> };

export interface Asked {
  /** The last is the one that is replied to. */
  readonly messages: readonly MessageRow[];
  /** Whether it was stored just now, for this turn. */
  readonly isNew: boolean;
  /** Whether the caller gave a list of them. */
  readonly isList: boolean;
}

export async function beginTurn(parts: TurnParts, caller: Caller, wanted: WantedTurn): Promise<TurnStarted> {
  const { conversationId, ifRunning, key } = wanted;
  for (let attempt = 1; ; attempt++) {
    let inTheWay: readonly OpenTurn[] = [];
    try {
      // The call's own signal is left out: once the turn is stored, it must run, even if the caller is disconnected.
      const beginOnce = async (tx: Transaction) => {
        inTheWay = [];
        const first = key && (await claim(tx, key));
        if (first) return { started: fromBinary(TurnStartedSchema, firstResponse(first)), task: undefined };
        const conversation = await lockVisible(tx, caller, conversationId);
        requireWrite(caller, conversation);
        const found = await wanted.find(tx, conversation);
        if ("started" in found) return { started: found.started, task: undefined };
        requireOpen(conversation.status);
        const agent = await requireAgent(tx, caller, conversation.id, wanted.agent);
        inTheWay = await openTurns(tx, caller.tenantId, conversation.id);
        checkFree(inTheWay, ifRunning);
        if (inTheWay.length > 0) await checkRoom(tx, caller, conversation.id);
        const asked = await found.ask();
        const written = await write(tx, parts, caller, conversation.id, agent, asked, wanted, inTheWay.length > 0);
        if (key) await keep(tx, key, toBinary(TurnStartedSchema, written.started), conversation.id);
        return written;
      };
      const { started, task } = await parts.database.transaction(undefined, beginOnce, {
        conversation: { tenantId: caller.tenantId, id: conversationId },
      });
      if (task) parts.turns.run(task);
      return started;
    } catch (error) {
      const busy = error instanceof DomainError && error.reason === ErrorReason.TURN_IN_PROGRESS;
      if (!busy || attempt >= ATTEMPTS) throw error;
      await clear(parts.turns, caller, conversationId, ifRunning, inTheWay, error);
    }
  }
}

async function write(
  tx: Queryable,
  { database, turns }: TurnParts,
  caller: Caller,
  conversationId: string,
  agent: AgentRow,
  { messages, isNew, isList }: Asked,
  { brought, options = null }: WantedTurn,
  queued: boolean,
): Promise<{ started: TurnStarted; task: LiveTurnTask }> {
  const message = messages.at(-1);
  if (message === undefined) throw new Error("a turn replies to nothing");
  const inputSeq = isList ? firstOf(messages) : undefined;
  const turn = await insertTurn(tx, caller, {
    conversationId,
    agentId: agent.id,
    message,
    inputSeq,
    time: isNew ? message.create_time : undefined,
    state: queued ? TurnState.QUEUED : TurnState.RUNNING,
    lease: turns.lease,
    tools: toolsText(brought),
    options,
  });
  const place = { tenantId: caller.tenantId, conversationId, id: turn.id };
  return {
    started: create(TurnStartedSchema, {
      turn: toTurn(turn),
      message: toMessage(message),
      messages: isList ? messages.map(toMessage) : [],
    }),
    task: taskOf(turn, place, agent, brought, [], (tools) =>
      replyRequestOf(database, place, message, tools, { inputSeq, options: readOptions(options) }),
    ),
  };
}

/** The first of the last messages that have no other between them. */
function firstOf(messages: readonly MessageRow[]): bigint | undefined {
  let first = messages.at(-1)?.seq;
  for (const { seq } of messages.slice(0, -1).reverse()) {
    if (first === undefined || seq !== first - 1n) break;
    first = seq;
  }
  return first;
}

/** Throws TURN_IN_PROGRESS if an open turn conflicts; a turn that may wait does not conflict with live ones. */
function checkFree(open: readonly OpenTurn[], policy: TurnPolicy): void {
  const blocking = policy === TurnPolicy.QUEUE ? open.find(({ expired }) => expired) : open[0];
  if (blocking === undefined) return;
  throw turnInProgress(blocking);
}

/** Maximum waiting turns. Each takes a place in the queue, and most hold an open stream. */
const MAX_WAITING = { conversation: 20, caller: 50, tenant: 1_000 } as const;
const WAITS_IN = { conversation: "the conversation", caller: "the conversations of one caller", tenant: "the tenant" };

/** Throws QUOTA_EXCEEDED if the maximum of turns waits. Concurrent calls may exceed it by a few. */
async function checkRoom(tx: Queryable, caller: Caller, conversationId: string): Promise<void> {
  const waiting = await countWaiting(tx, caller, conversationId);
  for (const where of ["conversation", "caller", "tenant"] as const) {
    const max = MAX_WAITING[where];
    if (waiting[where] < max) continue;
    const description = `at most ${max} turns may wait in ${WAITS_IN[where]}`;
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
  conversationId: string,
  ifRunning: TurnPolicy,
  open: readonly OpenTurn[],
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
