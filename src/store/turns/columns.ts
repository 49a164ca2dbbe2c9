// The columns of turns, and the conditions that their statements share. A conversation is always locked before its
// turns.
import { ConversationStatus } from "../../../gen/colloquy/v1/conversation_pb.ts";
import type { FinishReason, TurnState } from "../../../gen/colloquy/v1/turn_pb.ts";
import type { TokenColumns } from "../../domain/turns/token-count.ts";
import { HUNG_MS } from "../../domain/turns/turn.ts";
import type { Statement } from "../database.ts";
import { isGone } from "../server-presence.ts";
import { takesPart } from "../visibility.ts";

export interface TurnRow {
  readonly id: string;
  readonly conversation_id: string;
  readonly agent_id: string;
  readonly message_id: string;
  readonly message_seq: bigint;
  /** The last message, or the id that the first will have. */
  readonly reply_id: string;
  /** Null: no message is stored. */
  readonly reply_seq: bigint | null;
  readonly state: TurnState;
  readonly failure: string;
  readonly finish_reason: FinishReason;
  readonly create_time: Date;
  readonly start_time: Date | null;
  readonly end_time: Date | null;
  readonly step: number;
  /** How many entries it has added to the log; the first and the last of them. */
  readonly entry_count: number;
  readonly first_seq: bigint | null;
  readonly last_seq: bigint | null;
  /** The code points of the text of its messages. */
  readonly said: number;
  /** The calls without a result, as domain/turns/pending-call.ts writes them. */
  readonly pending: string | null;
  /** Until when it waits for input. Null: it does not. */
  readonly wait_time: Date | null;
  /** Null, like the next: the agent has reported none. */
  readonly input_tokens: bigint | null;
  readonly output_tokens: bigint | null;
  readonly cached_tokens: bigint | null;
  readonly reasoning_tokens: bigint | null;
  readonly cache_write_tokens: bigint | null;
  readonly model: string | null;
  /** The first of the entries that it replies to. Null: it is the message. */
  readonly input_seq: bigint | null;
  readonly previous_id: string | null;
  /** Whether calls that clients run end it. */
  readonly ends_with_calls: boolean;
  /** Whether its entries are deleted if it fails. */
  readonly discards: boolean;
  /** The status and code with which the agent's endpoint refused the request; 0 and empty: it did not. */
  readonly failure_status: number;
  readonly failure_code: string;
  /** Whether the last deltas were lost with the server that ran it. Null: they are not recorded. */
  readonly deltas_lost: boolean | null;
}

export interface OpenTurn extends Pick<TurnRow, "id" | "state"> {
  /** Whether nobody will end it. */
  readonly expired: boolean;
}

/** What a turn has that its caller keeps as a record. */
export interface TurnRecord {
  readonly previousId: string | null;
  readonly note: string | null;
  readonly endsWithCalls: boolean;
  readonly discards: boolean;
  readonly ephemeral: boolean;
}

/** The place of a turn. */
export interface TurnPlace {
  readonly tenantId: string;
  readonly conversationId: string;
  readonly id: string;
}

/** The server that runs a turn, and the length of its lease in milliseconds. */
export interface TurnLease {
  readonly server: string;
  readonly leaseMs: number;
}

/** A turn to be added to a conversation. */
export interface NewTurn {
  readonly conversationId: string;
  readonly agentId: string;
  /** The message that it replies to; a fork may have inherited it. */
  readonly message: { readonly id: string; readonly seq: bigint };
  /** When it was asked for. Undefined: now. */
  readonly time: Date | undefined;
  readonly state: TurnState;
  readonly lease: TurnLease;
  /** The tools that the caller brings, as text. */
  readonly tools: string | null;
  /** The first of the entries that it replies to, if they are several. */
  readonly inputSeq?: bigint | undefined;
  /** What else is asked of the agent, as text, until the turn has ended: it may hold credentials. Default: nothing. */
  readonly options?: string | null;
  /** Where there is one, deltas are recorded. */
  readonly record?: TurnRecord;
}

/** More lengths of deltas, after so many characters of those that are saved. */
export interface DeltaChange {
  readonly offset: number;
  readonly text: string;
}

/** Keeps all that are saved. */
const ALL_DELTAS: DeltaChange = { offset: 2 ** 31 - 1, text: "" };

export function deltaColumns({ offset, text } = ALL_DELTAS): [number, string] {
  return [offset, text];
}

/** How an agent's endpoint refused a request. */
export interface Refusal {
  readonly status: number;
  /** Its own word for it; may be empty. */
  readonly code: string;
}

type TokensOfRow = Pick<
  TurnRow,
  "input_tokens" | "output_tokens" | "cached_tokens" | "reasoning_tokens" | "cache_write_tokens" | "model"
>;

export function tokenColumnsOf({ model, ...row }: TokensOfRow): TokenColumns {
  const tokens = [row.input_tokens, row.output_tokens, row.cached_tokens, row.reasoning_tokens, row.cache_write_tokens];
  return { tokens, model };
}

export function refusalColumns(refusal: Refusal | undefined): [number, string] {
  return [refusal?.status ?? 0, refusal?.code ?? ""];
}

export const turnColumns = `t.id, t.conversation_id, t.agent_id, t.message_id, t.message_seq, t.reply_id, t.reply_seq,
  t.state, t.failure, t.finish_reason, t.create_time, t.start_time, t.end_time, t.step, t.entry_count, t.first_seq,
  t.last_seq, t.said, t.pending, case when t.state = 6 then t.lease_time end as wait_time, t.input_tokens,
  t.output_tokens, t.cached_tokens, t.reasoning_tokens, t.cache_write_tokens, t.model, t.input_seq, t.previous_id,
  t.ends_with_calls, t.discards,
  t.failure_status, t.failure_code, right(t.deltas, 1) = '!' as deltas_lost`;

/** The states of turn `t` that are no end: queued, running, input required. */
export const isOpen = "t.state in (1, 2, 6)";

export const now = "date_trunc('milliseconds', statement_timestamp())";
export const lease = (ms: string) => `statement_timestamp() + ${ms}::integer * interval '1 millisecond'`;

/**
 * Whether nobody will end turn `t`: its lease is over, and its server does not show that it lives, or has hung for so
 * long that it counts as dead. For one that waits for input, the lease alone.
 */
export const isAbandoned = `case when t.lease_time >= statement_timestamp() then false
    when t.state = 6 or t.lease_time < statement_timestamp() - ${HUNG_MS} * interval '1 millisecond' then true
    else ${isGone("t.server")} end`;

const isHung = `((t.lease_time >= statement_timestamp()) is not true
      and (t.state = 6 or t.lease_time < statement_timestamp() - ${HUNG_MS} * interval '1 millisecond'))`;

/**
 * A statement with {@link isAbandoned}. Where tables are distributed, a turn's node knows nothing of the locks by which
 * servers show that they live: there, a server is gone only once it counts as hung.
 */
export const asksForServer = <S extends Statement>(statement: S): S => ({
  ...statement,
  sharded: statement.text.replaceAll(isAbandoned, isHung),
});

/**
 * Why nothing may be added to conversation `c` for turn `t`, as text; null: it may. The message may be one that a fork
 * has inherited.
 */
const shutFor = (tenant: string) => `case
    when c.delete_time is not null then 'the conversation was deleted'
    when c.status = ${ConversationStatus.CLOSED} then 'the conversation was closed'
    when not exists (select from message m where m.tenant_id = ${tenant} and m.id = t.message_id and m.delete_time is null) then 'the message was deleted'
  end`;

/**
 * Why turn `t` must stop, as text; empty: it was cancelled; null: it may continue. A reply that runs continues
 * without its caller; a turn that is queued or waits for input does not. `tenant` is the SQL of the tenant's id.
 */
export const stopFor = (tenant: string) => `(select case
    when t.cancel_time is not null then ''
    else coalesce(${shutFor(tenant)}, case
      when not exists (select from agent a where a.tenant_id = ${tenant} and a.id = t.agent_id and not a.disabled)
        then 'the agent was removed or disabled'
      when t.state in (1, 6) and t.member_id is not null and (not (c.owner_id is not distinct from t.member_id
        or ${takesPart("t.member_id", tenant)}) or exists (select from member q
          where q.tenant_id = ${tenant} and q.id = t.member_id and q.delete_time is not null))
        then 'the caller no longer takes part in the conversation'
    end)
  end from conversation c where c.tenant_id = ${tenant} and c.id = t.conversation_id)`;

/** The two for the tenant `$1`. */
export const shut = shutFor("$1");
export const stop = stopFor("$1");
