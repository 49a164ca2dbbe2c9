// `member set`: makes a member, or changes what it may do and who is above it.
import { isMemberId, MEMBER_ID_RULE, ROLES } from "../domain/principal.ts";
import { auditMember, checkManager } from "../services/directory/change-member.ts";
import { roleNumber } from "../store/directory/access.ts";
import { lockHierarchy, lockMember, writeMember } from "../store/directory/members.ts";
import { type Command, UsageError } from "./command.ts";
import { COMMAND_ORIGIN, commandCaller, tenantNamed } from "./command-caller.ts";
import { roleNamed } from "./token.ts";
import { withDatabase } from "./with-database.ts";

export const memberSetCommand: Command = {
  name: "member set",
  summary: "make a member, or change it, and print its id",
  options: {
    id: { type: "string", help: "the member's id, as its identity provider spells it" },
    tenant: { type: "string", default: "default", help: "the tenant, by id or slug (default)" },
    role: { type: "string", help: `${ROLES.join(", ")} (as it is, else member)` },
    manager: { type: "string", help: "the id of its manager, or none (as it is)" },
    name: { type: "string", help: "a name for people (as it is)" },
  },
  async run(invocation) {
    const {
      id = "",
      tenant = "default",
      role,
      manager,
      name,
    } = invocation.options as Record<string, string | undefined>;
    if (!isMemberId(id)) throw new UsageError(`--id: want a member's id, ${MEMBER_ID_RULE}`);
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
  },
};
