// AnswerTurn: brings results and consent to a turn that waits for them, and takes the turn up again.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import { PartSchema } from "../../../gen/colloquy/v1/part_pb.ts";
import {
  type AnswerTurnRequest,
  AnswerTurnRequestSchema,
  AnswerTurnResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { LiveTurnTask } from "../../agents/turns/live-task.ts";
import { replyRequestOf } from "../../agents/turns/reply-request.ts";
import type { Turns } from "../../agents/turns/turns.ts";
import { DomainError, ErrorReason, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom, systemCaller } from "../../domain/identity/caller.ts";
import { isOurId, newId } from "../../domain/ids/id.ts";
import type { AgentTool } from "../../domain/turns/agent-tool.ts";
import { needOnceAllowed } from "../../domain/turns/open-calls.ts";
import { awaitsInput, type PendingCall, pendingText, readPending } from "../../domain/turns/pending-call.ts";
import { MAX_TURN_ENTRIES, TurnState } from "../../domain/turns/turn.ts";
import { entryOf, failedResult, type TurnEntry } from "../../domain/turns/turn-entry.ts";
import { readOptions } from "../../domain/turns/turn-options.ts";
import type { Hints } from "../../live/hints/hints.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { findAgent } from "../../store/agents/agents.ts";
import { writeState } from "../../store/conversations/state.ts";
import type { Database, Transaction } from "../../store/database.ts";
import { nameFilesOfResults } from "../../store/files/named-files.ts";
import { claim, firstResponse, keep, type RequestKey } from "../../store/idempotency/idempotency.ts";
import { readMessage } from "../../store/messages/messages.ts";
import { tokenColumnsOf } from "../../store/turns/columns.ts";
import { appendEntries, lockOpenTurn, type SavedTurnRow } from "../../store/turns/entries.ts";
import { followTurn, stopOfWaiting, type TurnPlace } from "../../store/turns/turns.ts";
import { lockVisible, requireOpen, requireWrite } from "../conversations/access.ts";
import { requestKeyOf } from "../mutations.ts";
import { checkAnswers, requireRoom } from "./answer-rules.ts";
import { toTurn } from "./convert.ts";
import { areGiven } from "./given-answers.ts";
import { readTools, taskOf } from "./task.ts";

export interface AnswerParts {
  readonly database: Database;
  readonly turns: Turns;
  readonly hints: Hints;
}

type Answered = MessageInitShape<typeof AnswerTurnResponseSchema>;

/** How long an answer waits for an agent that still speaks, in milliseconds. */
const PATIENCE_MS = 30_000;
const POLL_MS = 500;

/** The turn does not wait yet; it may soon. */
class NotYet extends Error {}

export async function answerTurn(
  parts: AnswerParts,
  request: AnswerTurnRequest,
  context: CallContext,
): Promise<Answered> {
  const caller = callerFrom(context.principal);
  const key = requestKeyOf(AnswerTurnRequestSchema, request, context, caller);
  checkAnswers(request);
  const id = request.turnId.toLowerCase();
  const row = isOurId(id) ? await followTurn(parts.database, caller, id, 0) : undefined;
  if (row === undefined) throw notFound("turn");
  const place = { tenantId: caller.tenantId, conversationId: row.conversation_id, id };
  const waker = parts.hints.listen({ kind: "turn", tenantId: place.tenantId, conversationId: place.conversationId });
  const until = performance.now() + PATIENCE_MS;
  try {
    for (;;) {
      try {
        const { answered, task } = await parts.database.transaction(
          undefined,
          (tx) => answerOnce(tx, parts, caller, place, request, key),
          { conversation: { tenantId: place.tenantId, id: place.conversationId } },
        );
        if (task) parts.turns.run(task);
        parts.hints.publish({ kind: "turn", tenantId: place.tenantId, conversationId: place.conversationId });
        return answered;
      } catch (error) {
        if (!(error instanceof NotYet)) throw error;
        if (performance.now() >= until) throw notAwaited(id, "the turn does not wait for anything");
        await waker.wait(POLL_MS, context.signal);
      }
    }
  } finally {
    waker.close();
  }
}

async function answerOnce(
  tx: Transaction,
  { database, turns }: AnswerParts,
  caller: Caller,
  place: TurnPlace,
  request: AnswerTurnRequest,
  key: RequestKey | undefined,
): Promise<{ answered: Answered; task: LiveTurnTask | undefined }> {
  const first = key && (await claim(tx, key));
  if (first) return { answered: fromBinary(AnswerTurnResponseSchema, firstResponse(first)), task: undefined };
  const conversation = await lockVisible(tx, caller, place.conversationId);
  requireWrite(caller, conversation);
  requireOpen(conversation.status);
  const row = await lockOpenTurn(tx, place);
  if (row === undefined) throw notAwaited(place.id, "the turn has ended");
  if (row.state !== TurnState.INPUT_REQUIRED) {
    if (await areGiven(tx, place, row, request)) throw notAwaited(place.id, "the turn has these answers already");
    throw new NotYet();
  }
  const stop = await stopOfWaiting(tx, place);
  if (stop !== undefined) throw notAwaited(place.id, stop || "the turn has ended");
  if ((row.wait_left ?? 0) <= 0) throw notAwaited(place.id, "the time for an answer is over");
  const agent = await findAgent(tx, place.tenantId, row.agent_id);
  if (agent === undefined || agent.disabled) throw notAwaited(place.id, "the agent was removed or disabled");
  const { entries, pending } = answersTo(row, request, caller, place.id);
  requireRoom(request, entries, row.bytes);
  const waits = pending.some(awaitsInput);
  const added = await appendEntries(tx, place, agent.id, {
    expected: row.entry_count,
    entries,
    step: row.step,
    said: row.said,
    usage: tokenColumnsOf(row),
    server: undefined,
    state: waits ? TurnState.INPUT_REQUIRED : TurnState.RUNNING,
    nextServer: turns.lease.server,
    leaseMs: waits ? undefined : turns.lease.leaseMs,
    openEntry: null,
    text: "",
    pending: pendingText(pending),
    firstDeltaTime: undefined,
  });
  if (added === undefined || added.rows.length < entries.length) {
    throw notAwaited(place.id, added?.stop || "the turn has ended");
  }
  // The results are the last of the entries.
  const results = added.rows.slice(added.rows.length - request.results.length);
  await nameFilesOfResults(tx, caller, conversation.id, results);
  if (request.stateJson !== undefined) await writeState(tx, place, request.stateJson);
  const now = await lockOpenTurn(tx, place);
  if (now === undefined) throw new Error("a turn is gone although it is locked");
  const answered = create(AnswerTurnResponseSchema, { turn: toTurn(now) });
  if (key) await keep(tx, key, toBinary(AnswerTurnResponseSchema, answered), place.conversationId);
  const asked = () => readMessage(database, systemCaller(place.tenantId, "server"), now.message_id, false);
  const scope = {
    since: now.first_seq,
    inputSeq: now.input_seq,
    isRecord: now.deltas !== null,
    options: readOptions(now.options),
  };
  const readRequest = async (tools: readonly AgentTool[]) =>
    replyRequestOf(database, place, await asked(), tools, scope);
  const task = taskOf(now, place, agent, readTools(now.tools), pending, readRequest, now.deltas);
  return { answered, task: waits ? undefined : task };
}

/** The entries of the answers, and what is open after them. Throws NOT_AWAITED if any does not fit. */
function answersTo(
  { pending: before, step, entry_count: count }: SavedTurnRow,
  { results, approvals }: AnswerTurnRequest,
  { actor: sender }: Caller,
  turnId: string,
): { entries: TurnEntry[]; pending: PendingCall[] } {
  const open = new Map(readPending(before).map((call) => [call.callId, call]));
  const place = () => ({ id: newId(), step, sender });
  const entries: TurnEntry[] = [];
  for (const answer of approvals) {
    const call = [...open.values()].find(({ approvalId }) => approvalId === answer.approvalId);
    if (call?.needs !== "approval") throw notAwaited(turnId, `no answer is awaited for question ${answer.approvalId}`);
    const part = create(PartSchema, { content: { case: "approvalResponse", value: answer } });
    entries.push(entryOf({ ...place(), kind: MessageKind.APPROVAL_RESPONSE }, [part]));
    if (answer.granted) open.set(call.callId, { ...call, needs: needOnceAllowed(call.place) });
    else {
      const why = `not allowed${answer.reason ? `: ${answer.reason}` : ""}`;
      entries.push(failedResult(place(), call.callId, why));
      open.delete(call.callId);
    }
  }
  for (const result of results) {
    const callId = result.callId ?? "";
    if (open.get(callId)?.needs !== "result") throw notAwaited(turnId, `no result is awaited for call ${callId}`);
    const part = create(PartSchema, { content: { case: "toolResult", value: result } });
    entries.push(entryOf({ ...place(), kind: MessageKind.TOOL_RESULT }, [part]));
    if (!result.preliminary) open.delete(callId);
  }
  if (count + entries.length > MAX_TURN_ENTRIES)
    throw notAwaited(turnId, "the turn has as many entries as it may have");
  return { entries, pending: [...open.values()] };
}

function notAwaited(turnId: string, why: string): DomainError {
  return new DomainError(ErrorReason.NOT_AWAITED, why, { metadata: { turn_id: turnId } });
}
