// Members by their names: those on a page are read together, and their ids are at hand.
import { useQuery } from "@tanstack/react-query";
import type { Member } from "../../../gen/colloquy/v1/member_pb.ts";
import { useServices } from "../app/services.ts";
import { text } from "../strings/en.ts";
import { AwaitedName } from "./awaited-name.tsx";

/** Ids of the contract have no more characters; those of imports may. */
const LONGEST_ID = 128;
/** What the id of a member becomes that was erased, where a member is named by its id alone. */
const ERASED = "system:erased";

/** The id stands for it where it has no name, cannot be read, or is not seen by the caller. */
export function MemberName({ id }: { id: string }) {
  const { member, isAwaited } = useMember(id);
  if (id === ERASED) return <i>{text.members.erased}</i>;
  if (isAwaited) return <AwaitedName id={id} />;
  const name = member?.displayName || id;
  const facts = [id !== name && id, member?.deleteTime !== undefined && text.members.deleted].filter(Boolean);
  return <bdi {...(facts.length > 0 && { title: facts.join(" · ") })}>{name}</bdi>;
}

function useMember(id: string): { member: Member | null | undefined; isAwaited: boolean } {
  const { readMember } = useServices();
  const { data, isLoading } = useQuery({
    queryKey: ["member", id],
    queryFn: () => readMember(id),
    enabled: id !== "" && id.length <= LONGEST_ID && id !== ERASED,
    staleTime: 5 * 60_000,
    gcTime: 10 * 60_000,
    retry: false,
  });
  return { member: data, isAwaited: isLoading };
}
