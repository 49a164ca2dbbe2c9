// GetTurn and ListTurns.
import type { MessageInitShape } from "@bufbuild/protobuf";
import { TurnSchema } from "../../../gen/colloquy/v1/turn_pb.ts";
import {
  type GetTurnRequest,
  type GetTurnResponseSchema,
  type ListTurnsRequest,
  ListTurnsRequestSchema,
  type ListTurnsResponseSchema,
} from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { notFound } from "../../domain/errors.ts";
import { callerFrom } from "../../domain/identity/caller.ts";
import { isOurId } from "../../domain/ids/id.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { followTurn, listTurns } from "../../store/turns/turns.ts";
import { paginate } from "../paginate.ts";
import { toTurn } from "./convert.ts";

export interface ReadParts {
  readonly database: Database;
  readonly secrets: TenantSecrets;
}

export async function getTurn(
  { database }: ReadParts,
  { turnId }: GetTurnRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof GetTurnResponseSchema>> {
  const id = turnId.toLowerCase();
  const row = isOurId(id) ? await followTurn(database, callerFrom(principal), id, 0, interrupt) : undefined;
  if (row === undefined) throw notFound("turn");
  return { turn: toTurn(row) };
}

export async function listConversationTurns(
  { database, secrets }: ReadParts,
  request: ListTurnsRequest,
  { principal, interrupt }: CallContext,
): Promise<MessageInitShape<typeof ListTurnsResponseSchema>> {
  const caller = callerFrom(principal);
  const id = request.conversationId.toLowerCase();
  const { items, ...page } = await paginate(secrets, caller, ListTurnsRequestSchema, request, {
    item: TurnSchema,
    async read({ after, limit }) {
      const rows = isOurId(id)
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
