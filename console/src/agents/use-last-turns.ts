// The last turns of an agent. The contract lists turns by conversation, or all of them: so those of the conversations that
// name it are asked, with the latest activity first, and the latest of all, for turns of other conversations.

import { timestampMs } from "@bufbuild/protobuf/wkt";
import { createQueryOptions, useQuery, useTransport } from "@connectrpc/connect-query";
import { useQueries } from "@tanstack/react-query";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { ConversationOrder, ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { type ListTurnsResponse, TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";
import { hasEnded } from "../turns/turn-words.tsx";

const CONVERSATIONS = 10;
const TURNS = 5;
/** Of all conversations, also those that no list has. */
export const LATEST_OF_ALL = { conversationId: "-", pageSize: 100 };
/** How often turns are read again while one of the agent's has not ended. */
const REFRESH_MS = 2_000;

export interface LastTurns {
  /** Latest first. Undefined: they are being read. */
  readonly turns: readonly Turn[] | undefined;
  readonly conversations: number;
  readonly error: unknown;
}

export function useLastTurns({ id, name }: Agent): LastTurns {
  const transport = useTransport();
  const { LATEST_ACTIVITY_FIRST: order } = ConversationOrder;
  const input = { agent: name, order, pageSize: CONVERSATIONS };
  const conversations = useQuery(ConversationService.method.listConversations, input);
  const ids = conversations.data?.conversations.map((one) => one.id) ?? [];
  const isOwn = ({ agentId }: Turn) => agentId === id;
  const refetchInterval = ({ state: { data } }: { state: { data?: ListTurnsResponse | undefined } }) =>
    data?.turns.some((turn) => isOwn(turn) && !hasEnded(turn)) ? REFRESH_MS : false;
  const read = useQueries({
    queries: [LATEST_OF_ALL, ...ids.map((conversationId) => ({ conversationId, pageSize: TURNS }))].map((asked) => ({
      ...createQueryOptions(TurnService.method.listTurns, asked, { transport }),
      refetchInterval,
    })),
  });
  const error = conversations.error ?? read.find((one) => one.isError)?.error ?? undefined;
  const isRead = conversations.data !== undefined && read.every(({ data }) => data !== undefined);
  return {
    turns: isRead ? latestOf(read.flatMap(({ data }) => data?.turns ?? []).filter(isOwn)) : undefined,
    conversations: ids.length,
    error,
  };
}

/** Each once, the latest first. One that was read twice is as the look that saw it end has it. */
function latestOf(turns: readonly Turn[]): Turn[] {
  const byId = new Map<string, Turn>();
  for (const turn of turns) {
    const known = byId.get(turn.id);
    if (known === undefined || !hasEnded(known)) byId.set(turn.id, turn);
  }
  return [...byId.values()].toSorted((a, b) => at(b) - at(a));
}

function at({ createTime }: Turn): number {
  return createTime === undefined ? 0 : timestampMs(createTime);
}
