// The last turns of an agent. The contract lists turns by conversation, so those with the latest activity are asked.

import { timestampMs } from "@bufbuild/protobuf/wkt";
import { createQueryOptions, useQuery, useTransport } from "@connectrpc/connect-query";
import { useQueries } from "@tanstack/react-query";
import type { Agent } from "../../../gen/colloquy/v1/agent_pb.ts";
import { ConversationOrder, ConversationService } from "../../../gen/colloquy/v1/conversation_service_pb.ts";
import type { Turn } from "../../../gen/colloquy/v1/turn_pb.ts";
import { TurnService } from "../../../gen/colloquy/v1/turn_service_pb.ts";

const CONVERSATIONS = 10;
const TURNS = 5;

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
  const read = useQueries({
    queries: ids.map((conversationId) =>
      createQueryOptions(TurnService.method.listTurns, { conversationId, pageSize: TURNS }, { transport }),
    ),
  });
  const error = conversations.error ?? read.find((one) => one.isError)?.error ?? undefined;
  const isRead = conversations.data !== undefined && read.every(({ data }) => data !== undefined);
  const turns = read
    .flatMap(({ data }) => data?.turns ?? [])
    .filter(({ agentId }) => agentId === id)
    .toSorted((a, b) => at(b) - at(a));
  return { turns: isRead ? turns : undefined, conversations: ids.length, error };
}

function at({ createTime }: Turn): number {
  return createTime === undefined ? 0 : timestampMs(createTime);
}
