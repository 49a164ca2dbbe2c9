// `member set`: creates a member, or updates its role, manager and name.
import { isMemberId, MEMBER_ID_RULE } from "../domain/identity/principal.ts";
import { auditMember, checkManager } from "../services/directory/change-member.ts";
import { roleNumber } from "../store/directory/access.ts";
import { lockHierarchy, lockMember, writeMember } from "../store/directory/members.ts";
import { type Invocation, UsageError } from "./command.ts";
import { COMMAND_ORIGIN, commandCaller, roleNamed, tenantNamed } from "./command-caller.ts";
import { withDatabase } from "./with-database.ts";

export async function run(invocation: Invocation): Promise<void> {
  const { id = "", tenant = "default", role, manager, name } = invocation.options as Record<string, string | undefined>;
  if (!isMemberId(id)) throw new UsageError(`--id: must be a member id, ${MEMBER_ID_RULE}`);
  const wanted = roleNamed(role);
  const row = await withDatabase(invocation, "command", ({ database }) =>
    database.transaction(invocation.signal, async (tx) => {
      const caller = commandCaller(await tenantNamed(tx, tenant));
      await lockHierarchy(tx, caller.tenantId);
      const before = await lockMember(tx, caller.tenantId, id);
      const managerId = manager === undefined ? (before?.manager_id ?? null) : manager === "none" ? null : manager;
      if (managerId !== null) await checkManager(tx, caller, "--manager", id, managerId);
      const after = await writeMember(tx, caller.tenantId, id, {
        displayName: name ?? before?.display_name ?? "",
        role: wanted === undefined ? (before?.role ?? roleNumber("member")) : roleNumber(wanted),
        managerId,
      });
      await auditMember(tx, caller, COMMAND_ORIGIN, "member.upsert", after, before);
      return after;
    }),
  );
  invocation.print(row.id);
}
