// GetTurn, ListTurns, ListTurnEntries and DeleteTurn.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MessageSchema } from "../../../gen/colloquy/v1/message_pb.ts";
import { TurnSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import {
  type DeleteTurnRequest,
  DeleteTurnRequestSchema,
  type DeleteTurnResponseSchema,
  type GetTurnRequest,
  type GetTurnResponseSchema,
  type ListTurnEntriesRequest,
  ListTurnEntriesRequestSchema,
  type ListTurnEntriesResponseSchema,
  type ListTurnsRequest,
  ListTurnsRequestSchema,
  type ListTurnsResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { Turns } from "../../agents/turns/turns.ts";
import type { Interrupt } from "../../domain/cancellation.ts";
import { notFound } from "../../domain/errors.ts";
import { type Caller, callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import { ANY_PARENT } from "../../domain/lists/any-parent.ts";
import { isOpen } from "../../domain/turns/turn.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database, Queryable } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { claim, findFirstCall } from "../../store/idempotency/idempotency.ts";
import * as store from "../../store/turns/records.ts";
import { followTurn, listTurns, type TurnRow } from "../../store/turns/turns.ts";
import { lockVisible, requireWrite } from "../conversations/access.ts";
import { toMessage } from "../convert.ts";
import { requestKeyOf } from "../mutations.ts";
import { paginate } from "../paginate.ts";
import { toTurn } from "./convert.ts";

export interface ReadParts {
  readonly database: Database;
  readonly secrets: TenantSecrets;
}

export interface DeleteParts {
  readonly turns: Turns;
  /** When a conversation that is deleted with its last turn is purged. Default: never. */
  readonly purgeAfterDays?: number | undefined;
}

export async function getTurn(
  { database }: ReadParts,
  { turnId }: GetTurnRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof GetTurnResponseSchema>> {
  const caller = callerFrom(principal);
  const row = await requireTurn(database, caller, turnId, interrupt);
  const turn = toTurn(row);
  turn.noteJson = await store.readNote(database, caller.tenantId, row.id, interrupt);
  return { turn };
}

/** Throws NOT_FOUND for a turn that the caller does not see. */
async function requireTurn(on: Queryable, caller: Caller, turnId: string, signal?: Interrupt): Promise<TurnRow> {
  const id = turnId.toLowerCase();
  const row = isOurId(id) ? await followTurn(on, caller, id, 0, signal) : undefined;
  if (row === undefined) throw notFound("turn");
  return row;
}

export async function listTurnEntries(
  { database, secrets }: ReadParts,
  request: ListTurnEntriesRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof ListTurnEntriesResponseSchema>> {
  const caller = callerFrom(principal);
  const turn = await requireTurn(database, caller, request.turnId, interrupt);
  const { items, ...page } = await paginate(secrets, caller, ListTurnEntriesRequestSchema, request, {
    item: MessageSchema,
    read({ after, limit }) {
      const [seq] = after ?? [];
      const from = seq === undefined ? undefined : BigInt(seq);
      const of = request.input ? "input" : "output";
      return store.recordedEntries(database, caller.tenantId, turn, of, from, limit, interrupt);
    },
    convert: toMessage,
    key: (last) => [String(last.seq)],
  });
  return { messages: items, ...page };
}

export async function deleteTurn(
  { database, turns, purgeAfterDays }: ReadParts & DeleteParts,
  request: DeleteTurnRequest,
  context: CallContext,
): Promise<MessageInitShape<typeof DeleteTurnResponseSchema>> {
  const caller = callerFrom(context.principal);
  const key = requestKeyOf(DeleteTurnRequestSchema, request, context, caller);
  const before = key && (await findFirstCall(database, key));
  if (before) return {};
  const { id, conversation_id: conversationId, state } = await requireTurn(database, caller, request.turnId);
  const place = { tenantId: caller.tenantId, conversationId, id };
  await database.transaction(
    undefined,
    async (tx) => {
      if (key && (await claim(tx, key))) return;
      requireWrite(caller, await lockVisible(tx, caller, conversationId));
    },
    { conversation: { tenantId: caller.tenantId, id: conversationId } },
  );
  if (isOpen(state)) await turns.cancel(place);
  await store.deleteTurn(database, place, purgeAfterDays);
  return {};
}

export async function listConversationTurns(
  { database, secrets }: ReadParts,
  request: ListTurnsRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof ListTurnsResponseSchema>> {
  const caller = callerFrom(principal);
  const id = request.conversationId === ANY_PARENT ? undefined : request.conversationId.toLowerCase();
  const { items, ...page } = await paginate(secrets, caller, ListTurnsRequestSchema, request, {
    item: TurnSchema,
    async read({ after, limit }) {
      const rows =
        id === undefined || isOurId(id)
          ? await listTurns(database, caller, id, after?.[0], request.state, limit, interrupt)
          : undefined;
      if (rows === undefined) throw notFound("conversation");
      return rows;
    },
    convert: toTurn,
    key: (last) => [last.id],
  });
  return { turns: items, ...page };
}
