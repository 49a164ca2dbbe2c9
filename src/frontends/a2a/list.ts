// ListTasks: the turns of one context, or of all that the caller sees, those whose state changed last first.

import { create } from "@bufbuild/protobuf";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import { type Turn, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import {
  type ListTasksRequest,
  ListTasksRequestSchema,
  type ListTasksResponse,
  ListTasksResponseSchema,
  type Task,
  TaskSchema,
  TaskState,
  TaskStateSchema,
} from "../../../gen/lf/a2a/v1/a2a_pb.ts";
import { DomainError, ErrorReason, invalidField } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { ANY_PARENT } from "../../domain/lists/any-parent.ts";
import { bindingOf, invalidPageToken, openCursor, type PageScope, sealCursor } from "../../domain/lists/page-token.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";
import { findById } from "../../services/in-process/stored.ts";
import { PageWeight } from "../../services/page-weight.ts";
import type { FrontendOptions } from "../shared/options.ts";
import type { Operations } from "./operations.ts";
import { checkHistoryLength, contextIdOf, lastAwaited, statusTime, turnState } from "./tasks.ts";

const DEFAULT_PAGE = 50;
const MAX_PAGE = 100;
/** The latest turns that are looked at. */
const MAX_TURNS = 2_000;
const CHUNK = 200;
/** The latest turns that wait for input whose entries are read, to know since when; and how many at once. */
const MAX_WAITING = 100;
const AT_ONCE = 10;

interface ListParts {
  readonly operations: Operations;
  /** The secrets of tenants, which authenticate page tokens. */
  readonly secrets: FrontendOptions["secrets"];
}

/** Throws INVALID_PAGE_TOKEN for a token of another caller or of other arguments. */
export async function listTasks(
  canonical: Canonical,
  context: CallContext,
  { operations, secrets }: ListParts,
  request: ListTasksRequest,
): Promise<ListTasksResponse> {
  const { contextId, status, historyLength = 0, includeArtifacts = false, statusTimestampAfter: since } = request;
  const pageSize = request.pageSize ?? DEFAULT_PAGE;
  if (pageSize < 1 || pageSize > MAX_PAGE) throw invalidField("page_size", `must be 1 to ${MAX_PAGE}`, "page_size");
  checkHistoryLength("history_length", historyLength);
  if (TaskStateSchema.value[status] === undefined) throw invalidField("status", "must be a state of tasks", "status");
  const scope = await scopeOf(context, secrets, request);
  const after = request.pageToken === "" ? undefined : readToken(scope, request.pageToken);
  const state = turnState(status);
  const isNone = status !== TaskState.UNSPECIFIED && state === undefined;
  // A token of one conversation lists that one, however it is named, and reads no others.
  const only = context.principal.kind === "key" ? context.principal.client?.conversationId : undefined;
  const wanted = contextId || (only ?? "");
  const conversation = wanted === "" ? undefined : await operations.conversation(wanted);
  const conversationId = wanted === "" ? ANY_PARENT : conversation?.id;
  const turns =
    isNone || conversationId === undefined
      ? []
      : await turnsOf(canonical, context, conversationId, state ?? TurnState.UNSPECIFIED);
  // A context has one agent; of all contexts, those of the agent that is asked.
  const agentId = wanted === "" && turns.length > 0 ? await agentOf(canonical, context, request.tenant) : undefined;
  const asked = turns.filter((turn) => agentId === undefined || turn.agentId === agentId);
  const timed = await withTimes(canonical, context, asked);
  const matching = timed.filter(({ time }) => since === undefined || time >= nanosOf(since)).sort(byPlace);
  const left = after === undefined ? matching : matching.filter((one) => byPlace(after, one) < 0);
  const page = left.slice(0, pageSize);
  const contexts =
    conversation === undefined
      ? await contextsOf(
          canonical,
          context,
          page.map(({ turn }) => turn),
        )
      : new Map([[conversation.id, contextIdOf(conversation)]]);
  const tasks: Task[] = [];
  // A page of large tasks has fewer. One task may be larger than a page.
  const weight = new PageWeight();
  let seen = 0;
  for (const { turn } of page) {
    seen++;
    const whole = turn.state === TurnState.INPUT_REQUIRED ? await operations.findTurn(turn.id) : turn;
    // It was purged meanwhile.
    if (whole === undefined) continue;
    const id = contexts.get(turn.conversationId) ?? turn.conversationId;
    const task = await operations.task(whole, { contextId: id, historyLength, withArtifacts: includeArtifacts });
    if (!weight.add(TaskSchema, task) && tasks.length > 0) {
      seen--;
      break;
    }
    tasks.push(task);
  }
  const last = seen < left.length ? page[seen - 1] : undefined;
  const next = last === undefined ? "" : sealCursor(scope, [String(last.time), last.turn.id]);
  return create(ListTasksResponseSchema, { tasks, nextPageToken: next, pageSize, totalSize: matching.length });
}

/** The id of an agent by its name or id. Undefined: none is named. Empty: there is none. */
async function agentOf(canonical: Canonical, context: CallContext, agentId: string): Promise<string | undefined> {
  if (agentId === "") return undefined;
  try {
    return (await canonical.call(context, AgentService.method.getAgent, { agentId })).agent?.id;
  } catch (error) {
    if (error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND) return "";
    throw error;
  }
}

/** Turns with the times at which they came into their states. */
async function withTimes(canonical: Canonical, context: CallContext, turns: readonly Turn[]) {
  const times = new Map(turns.map((turn) => [turn.id, nanosOf(statusTime(turn))]));
  const waiting = turns.filter(({ state }) => state === TurnState.INPUT_REQUIRED).slice(0, MAX_WAITING);
  for (let at = 0; at < waiting.length; at += AT_ONCE) {
    // One entry of each: all of them may be 8 MiB a turn.
    const some = waiting.slice(at, at + AT_ONCE).map(async (turn) => {
      const entry = await findById(canonical, context, lastAwaited(turn) ?? "");
      times.set(turn.id, nanosOf(statusTime(turn, entry && [entry])));
    });
    await Promise.all(some);
  }
  return turns.map((turn) => ({ turn, time: times.get(turn.id) ?? 0n }));
}

/** The ids of the contexts of turns, by their conversations. */
async function contextsOf(canonical: Canonical, context: CallContext, turns: readonly Turn[]) {
  const ids = new Map<string, string>();
  let left = [...new Set(turns.map(({ conversationId }) => conversationId))];
  while (left.length > 0) {
    const request = { conversationIds: left };
    const read = await canonical.call(context, ConversationService.method.batchGetConversations, request);
    for (const conversation of read.conversations) ids.set(conversation.id, contextIdOf(conversation));
    left = read.remainingIds;
  }
  return ids;
}

async function turnsOf(canonical: Canonical, context: CallContext, conversationId: string, state: TurnState) {
  const turns: Turn[] = [];
  let pageToken = "";
  do {
    const request = { conversationId, state, pageSize: CHUNK, pageToken };
    const page = await canonical.call(context, TurnService.method.listTurns, request);
    turns.push(...page.turns.map(held));
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && turns.length < MAX_TURNS);
  return turns;
}

/**
 * A turn as it is held while the list is put in order: of the calls that it waits for the last alone, for a thousand in
 * each of two thousand turns take a gigabyte.
 */
function held(turn: Turn): Turn {
  return turn.awaited.length < 2 ? turn : { ...turn, awaited: turn.awaited.slice(-1) };
}

async function scopeOf(
  context: CallContext,
  secrets: ListParts["secrets"],
  request: ListTasksRequest,
): Promise<PageScope> {
  const { tenantId, name } = callerFrom(context.principal);
  // How much of each task is shown may change from page to page, as their number may.
  const { tenant, contextId, status, statusTimestampAfter } = request;
  const list = create(ListTasksRequestSchema, {
    tenant,
    contextId,
    status,
    ...(statusTimestampAfter && { statusTimestampAfter }),
  });
  return { tenantId, secret: await secrets(tenantId), binding: bindingOf(ListTasksRequestSchema, list as never, name) };
}

/** A place in the list: when a task came into its state, and which it is. */
interface Place {
  readonly time: bigint;
  readonly turn: Pick<Turn, "id">;
}

/** The latest first; ids tell those of one time apart. */
function byPlace(a: Place, b: Place): number {
  if (a.time !== b.time) return a.time > b.time ? -1 : 1;
  return a.turn.id === b.turn.id ? 0 : a.turn.id > b.turn.id ? -1 : 1;
}

function readToken(scope: PageScope, token: string): Place {
  const [time, id] = openCursor(scope, token);
  if (typeof time !== "string" || typeof id !== "string") throw invalidPageToken();
  return { time: BigInt(time), turn: { id } };
}

function nanosOf(at: Timestamp | undefined): bigint {
  return at === undefined ? 0n : at.seconds * 1_000_000_000n + BigInt(at.nanos);
}
