// CreateTurn: adds entries to a conversation and begins a turn that is kept as a record.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { TurnSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import {
  type CreateTurnRequest,
  CreateTurnRequestSchema,
  CreateTurnResponseSchema,
  TurnOptionsSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { LiveTurnTask } from "../../agents/turns/live-task.ts";
import { replyRequestOf } from "../../agents/turns/reply-request.ts";
import { DomainError, ErrorReason, invalidField, notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { checkClientIds } from "../../domain/messages/client-ids.ts";
import { jsonFault } from "../../domain/parts/json-text.ts";
import type { StoredTool } from "../../domain/turns/agent-tool.ts";
import { leavesNothing, TurnState } from "../../domain/turns/turn.ts";
import { checkOptions, optionsText, readOptions } from "../../domain/turns/turn-options.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Queryable, Transaction } from "../../store/database.ts";
import { claim, firstResponse, keep, type RequestKey } from "../../store/idempotency/idempotency.ts";
import { type MessageRow, readLockedMessage } from "../../store/messages/messages.ts";
import { appendMessages } from "../../store/messages/sends.ts";
import { readTurn } from "../../store/turns/records.ts";
import { insertTurn, openTurns } from "../../store/turns/turns.ts";
import { lockVisible } from "../conversations/access.ts";
import { toDraft } from "../convert.ts";
import { checkSummaries } from "../messages/references.ts";
import { requestKeyOf } from "../mutations.ts";
import { requireAgent } from "./agent.ts";
import type { ChatParts } from "./chat.ts";
import { toTurn } from "./convert.ts";
import { checkResults } from "./results.ts";
import { broughtTools, taskOf, toolsText } from "./task.ts";
import { findPlace, type NewTurnPlace, settlePlace } from "./turn-place.ts";

/** Attempts to end a turn whose server is gone before the new one fails. */
const ATTEMPTS = 5;

type Created = MessageInitShape<typeof CreateTurnResponseSchema>;

export async function createTurn(parts: ChatParts, request: CreateTurnRequest, context: CallContext): Promise<Created> {
  const caller = callerFrom(context.principal);
  const key = requestKeyOf(CreateTurnRequestSchema, request, context, caller);
  const brought = broughtTools(request.tools);
  checkNote(request.noteJson);
  if (request.options) checkOptions(request.options);
  checkClientIds(request.messages);
  parts.rolePolicy.checkOptions(caller, request.options);
  parts.rolePolicy.check(caller, request.messages.map(toDraft), (index) => `messages[${index}]`);
  const place = await findPlace(parts.database, caller, request);
  for (let attempt = 1; ; attempt++) {
    let expired: { id: string } | undefined;
    try {
      // The call's own signal is left out: once the turn is stored, it must run, even if the caller is disconnected.
      const { created, task } = await parts.database.transaction(
        undefined,
        async (tx) => {
          const open = await lockedOpenTurns(tx, caller, place);
          expired = open.find((turn) => turn.expired);
          return createOnce(tx, parts, caller, request, place, brought, key);
        },
        place.locked === undefined ? {} : { conversation: { tenantId: caller.tenantId, id: place.locked } },
      );
      if (task) parts.turns.run(task);
      return created;
    } catch (error) {
      const busy = error instanceof DomainError && error.reason === ErrorReason.TURN_IN_PROGRESS;
      if (!busy || expired === undefined || place.locked === undefined || attempt >= ATTEMPTS) throw error;
      await parts.turns.endAbandoned({ tenantId: caller.tenantId, conversationId: place.locked, id: expired.id });
    }
  }
}

async function lockedOpenTurns(tx: Queryable, caller: Caller, { locked }: NewTurnPlace) {
  return locked === undefined ? [] : openTurns(tx, caller.tenantId, locked);
}

async function createOnce(
  tx: Transaction,
  parts: ChatParts,
  caller: Caller,
  request: CreateTurnRequest,
  place: NewTurnPlace,
  brought: readonly StoredTool[],
  key: RequestKey | undefined,
): Promise<{ created: Created; task: LiveTurnTask | undefined }> {
  const { tenantId } = caller;
  const first = key && (await claim(tx, key));
  const before = first && fromBinary(CreateTurnResponseSchema, firstResponse(first));
  if (before !== undefined && !(await hasLeftNothing(tx, tenantId, before.turn?.id))) {
    return { created: before, task: undefined };
  }
  const all = request.messages.map(toDraft);
  const { conversationId, parentId, known } = await settlePlace(tx, caller, place, all, parts.rolePolicy);
  const agent = await requireAgent(tx, caller, conversationId, request.agent || (place.previous?.agent_id ?? ""));
  await checkResults(tx, caller, conversationId, request.messages);
  const drafts = all.filter(({ clientId }) => !known.has(clientId ?? ""));
  const fieldOf = (index: number) => `messages[${drafts[index] === undefined ? index : all.indexOf(drafts[index])}]`;
  const { last_seq: last } = await lockVisible(tx, caller, conversationId);
  checkSummaries(all, last, (index) => `messages[${index}]`);
  const lastSeq = await appendMessages(tx, caller, conversationId, drafts, { fieldOf, parentId });
  const message = lastSeq === undefined ? lastOf(known) : await readLockedMessage(tx, caller, conversationId, lastSeq);
  if (message === undefined) throw new Error("a message that was just added is not there");
  const options = optionsText(request.options ?? create(TurnOptionsSchema));
  const record = {
    previousId: place.previous?.id ?? null,
    note: request.noteJson || null,
    endsWithCalls: request.endWithCalls,
    discards: request.discardFailed,
    ephemeral: request.ephemeral,
  };
  const { lease } = parts.turns;
  const state = TurnState.RUNNING;
  const tools = toolsText(brought);
  const time = lastSeq === undefined ? undefined : message.create_time;
  // Past the message: the turn has added none, and what it replies to is not its own.
  const inputSeq = message.seq - BigInt(drafts.length - 1);
  const wanted = { conversationId, agentId: agent.id, message, time, state, lease, tools, inputSeq, options, record };
  const row = await insertTurn(tx, caller, wanted);
  const turnPlace = { tenantId, conversationId, id: row.id };
  const scope = { isRecord: true, options: readOptions(options) };
  const task = taskOf(
    row,
    turnPlace,
    agent,
    brought,
    [],
    (all) => replyRequestOf(parts.database, turnPlace, message, all, scope),
    "",
  );
  const turn = create(TurnSchema, { ...toTurn(row), noteJson: request.noteJson });
  const created = create(CreateTurnResponseSchema, { turn });
  if (key) await keep(tx, key, toBinary(CreateTurnResponseSchema, created), conversationId);
  return { created, task };
}

/** Whether a turn has failed and all of it was discarded: the next call with its key begins another. */
async function hasLeftNothing(tx: Queryable, tenantId: string, id = ""): Promise<boolean> {
  const row = await readTurn(tx, tenantId, id);
  return row !== undefined && leavesNothing(row.discards, row.state, row.finish_reason);
}

/** The last of stored messages in the log. Throws NOT_FOUND if it was deleted. */
function lastOf(known: ReadonlyMap<string, MessageRow>): MessageRow | undefined {
  const last = [...known.values()].reduce((one, other) => (one.seq > other.seq ? one : other));
  if (last.delete_time !== null) throw notFound("message");
  return last;
}

function checkNote(text: string): void {
  if (text === "") return;
  const [rule, description] = jsonFault(text) ?? (/^\s*\{/.test(text) ? [] : ["json.type", "must be an object"]);
  if (description !== undefined) throw invalidField("note_json", description, rule);
}
