// TurnService: replies of agents in conversations.
import * as pb from "../../../gen/colloquy/v1/turn_service_pb.ts";
import type { Turns } from "../../agents/turns/turns.ts";
import { type RoleName, RolePolicy } from "../../domain/messages/role-policy.ts";
import type { Hints } from "../../live/hints/hints.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";
import { HEARTBEAT_MS, heartbeatOf, withHeartbeats } from "../../pipeline/streams/heartbeat.ts";
import type { Database } from "../../store/database.ts";
import type { TenantSecrets } from "../../store/directory/tenant-secrets.ts";
import { answerTurn } from "./answer.ts";
import { chat } from "./chat.ts";
import { createTurn } from "./create.ts";
import { cancelTurn, type FollowedParts, resumeTurn } from "./follow.ts";
import { deleteTurn, getTurn, listConversationTurns, listTurnEntries } from "./read.ts";
import { regenerate } from "./regenerate.ts";

export interface TurnServiceOptions {
  readonly database: Database;
  readonly turns: Turns;
  readonly hints: Hints;
  readonly secrets: TenantSecrets;
  /** Says again who calls, or throws as authentication does. Default: whoever it was when the call began. */
  readonly renew?: FollowedParts["renew"];
  /** The roles that members may give to messages. Default: all. */
  readonly memberRoles?: readonly RoleName[] | undefined;
  /** When conversations that are deleted with their last turn are purged. Default: never. */
  readonly purgeAfterDays?: number | undefined;
  /** How long a turn's stream is silent before it gives a heartbeat, in milliseconds. Default: 15,000. */
  readonly heartbeatMs?: number | undefined;
}

export function createTurnService(options: TurnServiceOptions): ServiceEntry {
  const { database, turns, hints, secrets, memberRoles, purgeAfterDays, heartbeatMs = HEARTBEAT_MS } = options;
  const { renew = ({ principal }) => principal } = options;
  const parts = { database, turns, hints, secrets, renew, purgeAfterDays, rolePolicy: new RolePolicy(memberRoles) };
  return serve(pb.TurnService, {
    chat: (request, context) =>
      withHeartbeats(chat(parts, request, context), heartbeatOf(pb.ChatResponseSchema), heartbeatMs),

    regenerate: (request, context) =>
      withHeartbeats(regenerate(parts, request, context), heartbeatOf(pb.RegenerateResponseSchema), heartbeatMs),

    resumeTurn: (request, context) =>
      withHeartbeats(resumeTurn(parts, request, context), heartbeatOf(pb.ResumeTurnResponseSchema), heartbeatMs),

    createTurn: (request, context) => createTurn(parts, request, context),

    getTurn: (request, context) => getTurn(parts, request, context),

    listTurns: (request, context) => listConversationTurns(parts, request, context),

    listTurnEntries: (request, context) => listTurnEntries(parts, request, context),

    deleteTurn: (request, context) => deleteTurn(parts, request, context),

    answerTurn: (request, context) => answerTurn(parts, request, context),

    cancelTurn: (request, context) => cancelTurn(parts, request, context),
  });
}
