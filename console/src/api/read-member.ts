// Reads members by their ids: those on a page in one call.
import { createClient, type Transport } from "@connectrpc/connect";
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DirectoryService } from "../../../gen/colloquy/v1/directory_service_pb.ts";
import type { Member } from "../../../gen/colloquy/v1/member_pb.ts";
import { batched } from "./batched.ts";

/** Of members in a call, as the contract allows. */
const MOST = 200;

/** Reads a member, deleted or not. Null: there is none, or the caller does not see it. */
export type ReadMember = (id: string) => Promise<Member | null>;

export function createReadMember(transport: Transport): ReadMember {
  const { listMembers } = createClient(DirectoryService, transport);
  return batched(async (memberIds) => {
    const request = { memberIds: [...memberIds], pageSize: MOST, deleted: DeletedFilter.INCLUDE };
    // A page ends where it would be too large, which names of a few hundred characters are not.
    const { members } = await listMembers(request);
    return new Map(members.map((member) => [member.id, member]));
  }, MOST);
}
