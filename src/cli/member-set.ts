// `member set`: makes a member, or changes what it may do and who is above it.
import { isMemberId, ROLES } from "../domain/principal.ts";
import { auditMember, checkManager } from "../services/change-member.ts";
import { roleNumber, roleOfNumber } from "../store/access.ts";
import { lockHierarchy, lockMember, writeMember } from "../store/members.ts";
import { type Command, UsageError } from "./command.ts";
import { COMMAND_ORIGIN, commandCaller, tenantNamed } from "./command-caller.ts";
import { roleNamed } from "./token.ts";
import { withDatabase } from "./with-database.ts";

export const memberSetCommand: Command = {
  name: "member set",
  summary: "make a member, or change it",
  arguments: ["member"],
  options: {
    tenant: { type: "string", default: "default", help: "the tenant, by id or slug (default)" },
    role: { type: "string", help: `${ROLES.join(", ")} (as it is, else member)` },
    manager: { type: "string", help: "the id of its manager, or none (as it is)" },
    name: { type: "string", help: "a name for people (as it is)" },
  },
  async run(invocation) {
    const [id = ""] = invocation.arguments;
    const { tenant = "default", role, manager, name } = invocation.options as Record<string, string | undefined>;
    if (!isMemberId(id)) throw new UsageError("a member's id has 1 to 128 characters and does not begin with key:");
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
    const manages = row.manager_id === null ? "" : `, manager ${row.manager_id}`;
    invocation.print(`member ${row.id}: role ${roleOfNumber(row.role)}${manages}`);
  },
};
