// Adds a turn's entries to the log, and reads them.
import { MessageKind } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { TokenColumns } from "../../domain/turns/token-count.ts";
import { FinishReason, statesBefore, TurnState } from "../../domain/turns/turn.ts";
import type { TurnEntry } from "../../domain/turns/turn-entry.ts";
import type { Queryable } from "../database.ts";
import { areCut } from "../driver/row-budget.ts";
import { kindColumn, type MessageRow } from "../messages/columns.ts";
import { type DeltaChange, deltaColumns, refusalColumns, type TurnRow } from "./columns.ts";
import * as sql from "./entry-statements.ts";
import * as openSql from "./open-turn-statements.ts";
import type { TurnEnding, TurnPlace } from "./turns.ts";

export { MAX_CONTEXT_READ } from "./entry-statements.ts";
export type { LockedTurnRow, SavedTurnRow } from "./open-turn-statements.ts";

/** Entries that are added to a turn, and what the turn is then. */
export interface Addition {
  /** How many entries the turn has before: with others nothing is added, so that a repeat adds nothing twice. */
  readonly expected: number;
  readonly entries: readonly TurnEntry[];
  readonly step: number;
  /** The code points of the text of all messages of the turn. */
  readonly said: number;
  readonly usage: TokenColumns;
  /** Default: what is recorded stays. */
  readonly deltas?: DeltaChange;
}

/** How a turn goes on after an addition. */
export interface Continuation extends Addition {
  /** The server that runs the turn; undefined: none does. */
  readonly server: string | undefined;
  readonly state: typeof TurnState.RUNNING | typeof TurnState.INPUT_REQUIRED;
  /** The server that runs it then. */
  readonly nextServer: string;
  /** Of a turn that waits for input: how long. Undefined: as long as before. */
  readonly leaseMs: number | undefined;
  readonly openEntry: string | null;
  readonly text: string;
  readonly pending: string | null;
  readonly firstDeltaTime: Date | undefined;
}

export interface Added {
  readonly rows: readonly MessageRow[];
  /** Why the turn must stop; as in `saveTurn`. */
  readonly stop: string | null;
}

/**
 * Adds entries to a turn that goes on. Undefined: the turn has ended, runs elsewhere, or has other entries. Where the
 * conversation takes no more, nothing is added, and `stop` says so.
 */
export async function appendEntries(
  on: Queryable,
  place: TurnPlace,
  agentId: string,
  addition: Continuation,
): Promise<Added | undefined> {
  const { tenantId, conversationId, id } = place;
  const values = [
    tenantId,
    conversationId,
    id,
    addition.expected,
    addition.server ?? null,
    addition.state,
    addition.nextServer,
    addition.leaseMs ?? null,
    addition.openEntry,
    addition.text,
    addition.pending,
    ...columnsOf(addition),
    addition.firstDeltaTime ?? null,
    ...deltaColumns(addition.deltas),
  ];
  const [row] = await on.query(sql.appendEntries, values);
  if (row === undefined) return undefined;
  const { before, update_time: time, stop } = row;
  if (before === null || time === null) return { rows: [], stop };
  return { rows: addition.entries.map((entry, index) => rowOf(entry, place, agentId, before, index, time)), stop };
}

/** Ends a turn with its last entries. Undefined: it had ended before, or has other entries. */
export async function finishTurn(
  on: Queryable,
  { tenantId, conversationId, id }: TurnPlace,
  ending: TurnEnding,
  addition: Addition,
): Promise<TurnRow | undefined> {
  const values = [
    tenantId,
    conversationId,
    id,
    addition.expected,
    statesBefore(ending.state),
    ending.state,
    ending.failure.slice(0, 500),
    ending.finish,
    ending.onlyIfExpired ?? false,
    TurnState.CANCELLED,
    FinishReason.CANCELLED,
    ...columnsOf(addition),
    ...deltaColumns(addition.deltas),
    ...refusalColumns(ending.refusal),
  ];
  return (await on.query(sql.finishTurn, values))[0];
}

function columnsOf({ entries, step, said, usage }: Addition): unknown[] {
  return [
    step,
    usage.tokens,
    usage.model,
    said,
    entries.findLastIndex(({ kind }) => kind === MessageKind.MESSAGE) + 1,
    entries.map(({ id }) => id),
    entries.map(({ kind }) => kindColumn(kind)),
    entries.map(({ role }) => role),
    entries.map(({ sender }) => sender ?? null),
    entries.map(({ content }) => content),
    entries.map(({ parts }) => parts),
    entries.map((entry) => entry.step),
    entries.map(({ state }) => state),
  ];
}

function rowOf(
  { id, kind, role, sender, content, parts, step, state }: TurnEntry,
  { conversationId, id: turnId }: TurnPlace,
  agentId: string,
  before: bigint,
  index: number,
  time: Date,
): MessageRow {
  return {
    id,
    conversation_id: conversationId,
    seq: before + BigInt(index + 1),
    role,
    sender: sender ?? `agent:${agentId}`,
    content,
    metadata: null,
    state,
    client_time: null,
    create_time: time,
    edit_time: null,
    delete_time: null,
    revision: 0,
    version: 1,
    kind: kindColumn(kind),
    parts,
    client_id: null,
    parent_id: null,
    reply_to: null,
    mentions: null,
    sender_name: null,
    turn_id: turnId,
    step,
  };
}

/** An open turn with what is saved of its open entry. */
export async function readOpenTurn(
  on: Queryable,
  { tenantId, id }: TurnPlace,
): Promise<openSql.SavedTurnRow | undefined> {
  return (await on.query(openSql.readOpenTurn, [tenantId, id]))[0];
}

/** The same, locked until the transaction ends. Its conversation must be locked. */
export async function lockOpenTurn(
  tx: Queryable,
  { tenantId, id }: TurnPlace,
): Promise<openSql.LockedTurnRow | undefined> {
  return (await tx.query(openSql.lockOpenTurn, [tenantId, id]))[0];
}

const PAGE = 100;

/** Entries of a turn after a number of the log, in order, deleted ones too; `more`: whether there are others. */
export async function turnEntries(
  on: Queryable,
  { tenantId, conversationId, id }: TurnPlace,
  after: bigint,
  upto: bigint,
  signal?: Interrupt,
): Promise<{ rows: MessageRow[]; more: boolean }> {
  const rows = await on.query(sql.turnEntries, [tenantId, conversationId, id, after, upto, PAGE], signal);
  return { rows, more: rows.length === PAGE || areCut(rows) };
}

/** All of them, page by page. */
export async function allTurnEntries(
  on: Queryable,
  place: TurnPlace,
  after: bigint,
  upto: bigint,
): Promise<MessageRow[]> {
  const rows: MessageRow[] = [];
  for (let more = true; more; ) {
    const page = await turnEntries(on, place, rows.at(-1)?.seq ?? after, upto);
    rows.push(...page.rows);
    more = page.more;
  }
  return rows;
}

/** The parts of the calls of tools on a conversation's live branch. */
export async function callEntries(on: Queryable, tenantId: string, conversationId: string): Promise<(string | null)[]> {
  return (await on.query(sql.callEntries, [tenantId, conversationId])).map(({ parts }) => parts);
}

/**
 * What an agent gets of a conversation, oldest first: its latest messages with all else that was said and done since
 * the first of them, or since a number of the log; at most so many entries. Before them the last summary.
 */
export async function turnContext(
  on: Queryable,
  tenantId: string,
  conversationId: string,
  count: number,
  since: bigint | null,
  entries: number,
): Promise<MessageRow[]> {
  const rows = (await on.query(sql.turnContext, [tenantId, conversationId, count, since, entries])).reverse();
  // The last summary may be there twice.
  return rows.filter(({ seq }, index) => seq !== rows[index - 1]?.seq);
}
