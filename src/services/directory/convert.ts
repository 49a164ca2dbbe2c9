// Members as the contract has them.
import { create } from "@bufbuild/protobuf";
import { type Member, type MemberRole, MemberSchema } from "../../../gen/colloquy/v1/member_pb.ts";
import type { MemberRow } from "../../store/directory/members.ts";
import { toTimestamp } from "../convert.ts";

export function toMember(row: MemberRow): Member {
  return create(MemberSchema, {
    id: row.id,
    displayName: row.display_name,
    role: row.role as MemberRole,
    managerId: row.manager_id ?? "",
    etag: `${row.version}`,
    createTime: toTimestamp(row.create_time),
    updateTime: toTimestamp(row.update_time),
    ...(row.delete_time && { deleteTime: toTimestamp(row.delete_time) }),
  });
}
