// Starts, saves, follows and ends turns.

import { MessageState } from "../../../gen/colloquy/v1/message_pb.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import type { Caller } from "../../domain/identity/caller.ts";
import { newId } from "../../domain/ids/id.ts";
import type { TokenColumns } from "../../domain/turns/token-count.ts";
import { type EndState, FinishReason, statesBefore, TurnState } from "../../domain/turns/turn.ts";
import type { Queryable } from "../database.ts";
import {
  type DeltaChange,
  deltaColumns,
  type NewTurn,
  type OpenTurn,
  type Refusal,
  refusalColumns,
  type TurnLease,
  type TurnPlace,
  type TurnRow,
} from "./columns.ts";
import { endTurn as endWithText } from "./entry-statements.ts";
import { listAllTurns, listTurns as listOfTurns } from "./list-statements.ts";
import * as sql from "./statements.ts";

export type { DeltaChange, NewTurn, OpenTurn, Refusal, TurnLease, TurnPlace, TurnRow } from "./columns.ts";
export type { FollowedTurnRow } from "./statements.ts";

/** The open turns of a locked conversation, oldest first. `expired`: its lease has ended. */
export function openTurns(tx: Queryable, tenantId: string, conversationId: string): Promise<OpenTurn[]> {
  return tx.query(sql.openTurns, [tenantId, conversationId]);
}

/** The latest turn that replies to a message of a locked conversation. */
export async function findTurnOf(
  tx: Queryable,
  tenantId: string,
  conversationId: string,
  messageSeq: bigint,
): Promise<TurnRow | undefined> {
  return (await tx.query(sql.turnOfMessage, [tenantId, conversationId, messageSeq]))[0];
}

/** Adds a turn to a locked conversation. */
export async function insertTurn(tx: Queryable, caller: Caller, turn: NewTurn): Promise<TurnRow> {
  const { conversationId, agentId, message, time, state, lease, tools, inputSeq, options, record } = turn;
  const values = [
    caller.tenantId,
    newId(),
    conversationId,
    agentId,
    caller.name,
    message.seq,
    newId(),
    state,
    lease.server,
    lease.leaseMs,
    caller.viewer.kind === "tenant" ? null : caller.viewer.memberId,
    tools,
    message.id,
    time ?? null,
    inputSeq ?? null,
    record?.previousId ?? null,
    options ?? null,
    record?.note ?? null,
    record !== undefined,
    record?.endsWithCalls ?? false,
    record?.discards ?? false,
    record?.ephemeral ?? false,
  ];
  const [row] = await tx.query(sql.insertTurn, values);
  if (row === undefined) throw new Error("a turn that was just added is not there");
  return row;
}

/** More of the text of the open entry. */
export interface SavedPart {
  /** In code points. */
  readonly offset: number;
  readonly text: string;
  readonly firstDeltaTime: Date;
  /** What it belongs to, as the row keeps it. Null: the reply, a message. */
  readonly openEntry: string | null;
  readonly deltas?: DeltaChange;
}

/**
 * Saves the text after `offset` code points, or renews the lease only. Undefined: the turn has ended. `stop`: why it
 * must stop, as text; empty: it was cancelled.
 */
export async function saveTurn(
  on: Queryable,
  { tenantId, id }: TurnPlace,
  part: SavedPart | undefined,
  { server, leaseMs }: TurnLease,
): Promise<{ stop: string | null } | undefined> {
  if (part === undefined) return (await on.query(sql.renewTurn, [tenantId, id, leaseMs, server]))[0];
  const values: unknown[] = [
    tenantId,
    id,
    part.offset,
    part.text,
    part.firstDeltaTime,
    leaseMs,
    part.openEntry,
    server,
  ];
  values.push(...deltaColumns(part.deltas));
  return (await on.query(sql.saveTurn, values))[0];
}

export async function requestCancel(on: Queryable, { tenantId, id }: TurnPlace): Promise<void> {
  await on.query(sql.requestCancel, [tenantId, id]);
}

export async function isTurnOpen(on: Queryable, { tenantId, id }: TurnPlace): Promise<boolean> {
  return (await on.query(sql.turnIsOpen, [tenantId, id])).length > 0;
}

/** How a turn ends. */
export interface TurnEnding {
  readonly state: EndState;
  /** Why it failed or was ended by the system; otherwise empty. */
  readonly failure: string;
  readonly finish: FinishReason;
  /** End it only if its lease has expired. */
  readonly onlyIfExpired?: boolean;
  /** How the agent's endpoint refused the request. */
  readonly refusal?: Refusal | undefined;
}

/** The end of a turn whose reply is one message of plain text. */
export interface TurnEnd extends TurnEnding {
  /** The whole reply. Undefined: the saved text. */
  readonly text: string | undefined;
  /** Undefined: as it was saved. */
  readonly usage?: TokenColumns;
  /** Default: what is recorded stays. */
  readonly deltas?: DeltaChange;
}

/**
 * Ends a turn and adds its reply to the log. If the conversation was deleted or closed, or the message deleted, nothing
 * is added and the turn is cancelled. Undefined: it had ended before, or it has other entries.
 */
export async function endTurn(on: Queryable, place: TurnPlace, end: TurnEnd): Promise<TurnRow | undefined> {
  const whole = end.state === TurnState.COMPLETE;
  const values = [
    place.tenantId,
    place.conversationId,
    place.id,
    statesBefore(end.state),
    end.state,
    end.failure.slice(0, 500),
    end.text ?? null,
    whole ? MessageState.COMPLETE : MessageState.FAILED,
    end.onlyIfExpired ?? false,
    end.finish,
    TurnState.CANCELLED,
    FinishReason.CANCELLED,
    end.usage?.tokens ?? null,
    end.usage?.model ?? null,
    ...deltaColumns(end.deltas),
    ...refusalColumns(end.refusal),
  ];
  return (await on.query(endWithText, values))[0];
}

/** A turn and its saved text after an offset; undefined if the caller does not see it. */
export async function followTurn(
  on: Queryable,
  caller: Caller,
  id: string,
  offset: number,
  signal?: Interrupt,
): Promise<sql.FollowedTurnRow | undefined> {
  const values = [caller.tenantId, caller.memberId, id, offset];
  return (await on.query(sql.followTurn[caller.viewer.kind], values, signal))[0];
}

/** Some open turns with expired leases, of all tenants. */
export async function abandonedTurns(on: Queryable): Promise<TurnPlace[]> {
  return placesOf(await on.query(sql.abandonedTurns, []));
}

/** Some turns that wait for input and have lost their purpose, of all tenants. */
export async function unwantedTurns(on: Queryable): Promise<TurnPlace[]> {
  return placesOf(await on.query(sql.unwantedTurns, []));
}

function placesOf(rows: readonly { tenant_id: string; id: string; conversation_id: string }[]): TurnPlace[] {
  return rows.map((row) => ({ tenantId: row.tenant_id, conversationId: row.conversation_id, id: row.id }));
}

/** Why a turn that waits for input must stop, as in `saveTurn`. Undefined: it need not, or does not wait. */
export async function stopOfWaiting(on: Queryable, { tenantId, id }: TurnPlace): Promise<string | undefined> {
  return (await on.query(sql.stopOfWaiting, [tenantId, id]))[0]?.stop ?? undefined;
}

/**
 * The turns of a conversation before an id, the latest first; undefined if the caller does not see the conversation.
 * Without a conversation those of all that the caller sees.
 */
export async function listTurns(
  on: Queryable,
  caller: Caller,
  conversationId: string | undefined,
  before: string | undefined,
  state: TurnState,
  limit: number,
  signal?: Interrupt,
): Promise<TurnRow[] | undefined> {
  const { tenantId, memberId, viewer } = caller;
  const place = [before ?? null, state, limit];
  if (conversationId === undefined) return on.query(listAllTurns[viewer.kind], [tenantId, memberId, ...place], signal);
  const rows = await on.query(listOfTurns[viewer.kind], [tenantId, memberId, conversationId, ...place], signal);
  return rows.length === 0 ? undefined : rows.filter((row): row is TurnRow => row.id !== null);
}
