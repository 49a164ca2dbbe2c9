// The names of whoever sent or did something. The store knows them by ids, and people call them by their names.
import { useQuery } from "@connectrpc/connect-query";
import { AccessService } from "../../../gen/colloquy/v1/access_service_pb.ts";
import { type Actor, ActorType } from "../../../gen/colloquy/v1/actor_pb.ts";
import { AgentService } from "../../../gen/colloquy/v1/agent_service_pb.ts";
import { useAccess } from "../auth/use-access.ts";
import { text } from "../strings/en.ts";
import { AwaitedName } from "./awaited-name.tsx";
import { MemberName } from "./member-name.tsx";

export function ActorName({ actor }: { actor: Actor | undefined }) {
  if (actor === undefined) return null;
  const { type, id, displayName } = actor;
  if (!displayName && type === ActorType.MEMBER) return <MemberName id={id} />;
  if (type === ActorType.SYSTEM) return id === ERASED ? <i>{text.members.erased}</i> : <bdi>{id}</bdi>;
  return <bdi title={id}>{displayName || <NameOf type={type} id={id} />}</bdi>;
}

/** By which the system stands for a member that was erased. */
const ERASED = "erased";

function NameOf({ type, id }: { type: ActorType; id: string }) {
  if (type === ActorType.AGENT) return <AgentName id={id} />;
  if (type === ActorType.API_KEY) return <KeyName id={id} />;
  return id;
}

/** The id stands for it where the caller may not read agents. */
export function AgentName({ id }: { id: string }) {
  const options = { staleTime: 60_000, retry: false };
  const { data, isLoading } = useQuery(AgentService.method.getAgent, { agentId: id }, options);
  if (isLoading) return <AwaitedName id={id} />;
  return data?.agent?.name || id;
}

/**
 * The id stands for a key without a name, for one that is not among the newest 200, and where the caller may not read
 * keys.
 */
export function KeyName({ id }: { id: string }) {
  const { data, isLoading } = useKeys();
  if (isLoading) return <AwaitedName id={id} />;
  return data?.get(id) || id;
}

const NO_NAMES: ReadonlyMap<string, string> = new Map();

/** The names of API keys, also of revoked ones, by id. */
export function useKeyNames(): ReadonlyMap<string, string> {
  return useKeys().data ?? NO_NAMES;
}

function useKeys() {
  const mayRead = useAccess().may("administrator");
  return useQuery(
    AccessService.method.listApiKeys,
    { pageSize: 200, showRevoked: true },
    {
      enabled: mayRead,
      staleTime: 60_000,
      retry: false,
      select: ({ apiKeys }) => new Map(apiKeys.map(({ id, displayName }) => [id, displayName])),
    },
  );
}
