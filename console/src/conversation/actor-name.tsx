// The name of whoever sent or did something. Agents are known by an id, and people call them by their name.
import { useQuery } from "@connectrpc/connect-query";
import { type Actor, ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";

export function ActorName({ actor }: { actor: Actor | undefined }) {
  if (actor?.displayName) return actor.displayName;
  if (actor?.type === ActorType.AGENT) return <AgentName id={actor.id} />;
  return actor?.id;
}

/** The id stands for it while its name is not known, and where the caller may not read agents. */
function AgentName({ id }: { id: string }) {
  const options = { staleTime: 60_000, retry: false };
  const { data } = useQuery(AgentService.method.getAgent, { agentId: id }, options);
  return data?.agent?.name || id;
}
