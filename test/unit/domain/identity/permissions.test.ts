import { create, type DescMethod, type MessageInitShape } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { MemberRole } from "../../../../gen/colloquy/v1/member_pb.ts";
import { Permission_KeyScope, Permission_Need, PermissionSchema } from "../../../../gen/colloquy/v1/permission_pb.ts";
import { Health } from "../../../../gen/grpc/health/v1/health_pb.ts";
import { contradictionIn, permissionFaults } from "../../../../scripts/permissions.ts";
import { DomainError } from "../../../../src/domain/errors.ts";
import { permit, requireRules, ruleName, ruleOf } from "../../../../src/domain/identity/permissions.ts";
import { isMemberId, type Principal, ROLES, type Role, type Scope } from "../../../../src/domain/identity/principal.ts";
import { mayManage, mayWrite, viewerOf } from "../../../../src/domain/identity/visibility.ts";
import { reasonName, TENANT } from "../../../support/servers/access.ts";
import { ownServices } from "../../../support/servers/contract.ts";

const member = (role: Role, tenantId: string | undefined = TENANT): Principal => {
  return { kind: "member", tenantId, memberId: "alice", role };
};
const key = (scopes: Scope[], memberRole?: Role): Principal => ({
  kind: "key",
  tenantId: TENANT,
  keyId: "k",
  scopes: new Set(scopes),
  memberId: memberRole && "alice",
  ...(memberRole && { memberRole }),
});
const anonymous: Principal = { kind: "anonymous" };

const methods: ReadonlyMap<string, DescMethod> = new Map(
  ownServices.flatMap((service) => service.methods.map((method) => [ruleName(method), method] as const)),
);

function answerTo(principal: Principal, path: string): string {
  try {
    permit(principal, ruleOf(methods.get(path) as DescMethod));
    return "ok";
  } catch (error) {
    if (error instanceof DomainError) return reasonName(error.reason);
    throw error;
  }
}

describe("the check before the handler", () => {
  const GET = "colloquy.v1.ConversationService/GetConversation";
  const SEND = "colloquy.v1.MessageService/SendMessage";
  const PURGE = "colloquy.v1.ConversationService/PurgeConversation";
  const KEY = "colloquy.v1.AccessService/CreateApiKey";
  const TENANTS = "colloquy.v1.TenantService/ListTenants";
  const WHO = "colloquy.v1.AccessService/WhoAmI";

  test.each<[string, Principal, string[]]>([
    ["nobody", anonymous, []],
    ["a lead", member("lead"), [GET, SEND, WHO]],
    ["a member", member("member"), [GET, SEND, WHO]],
    ["a manager", member("manager"), [GET, SEND, WHO]],
    ["an admin", member("admin"), [GET, SEND, PURGE, KEY, WHO]],
    ["a super admin", member("super_admin"), [GET, SEND, PURGE, KEY, TENANTS, WHO]],
    ["a key without scopes", key([]), [WHO]],
    ["a key that reads", key(["read"]), [GET, WHO]],
    ["a key that writes", key(["write"]), [SEND, WHO]],
    ["a key that administers", key(["admin"]), [PURGE, KEY, WHO]],
    ["a key that may all", key(["read", "write", "admin"]), [GET, SEND, PURGE, KEY, WHO]],
    ["such a key for a lead", key(["read", "write", "admin"], "lead"), [GET, SEND, WHO]],
    ["such a key for an admin", key(["read", "write", "admin"], "admin"), [GET, SEND, PURGE, KEY, WHO]],
    ["a key that reads for an admin", key(["read"], "admin"), [GET, WHO]],
  ])("lets %s call what it may and nothing else", (_, principal, allowed) => {
    const paths = [GET, SEND, PURGE, KEY, TENANTS, WHO];
    expect(paths.filter((path) => answerTo(principal, path) === "ok")).toEqual(allowed);
  });

  test("says what is missing", () => {
    expect(answerTo(anonymous, GET)).toBe("CREDENTIAL_MISSING");
    expect(answerTo(key(["write"]), GET)).toBe("SCOPE_MISSING");
    expect(answerTo(member("member"), KEY)).toBe("PERMISSION_DENIED");
    expect(answerTo(key(["read", "write", "admin"]), TENANTS)).toBe("PERMISSION_DENIED");
  });

  test("asks for a tenant, save where there is none to ask for", () => {
    const lost: Principal = { kind: "member", tenantId: undefined, memberId: "alice", role: "super_admin" };
    expect(answerTo(lost, GET)).toBe("PERMISSION_DENIED");
    expect(answerTo(lost, TENANTS)).toBe("ok");
    expect(answerTo(lost, WHO)).toBe("ok");
  });
});

describe("a server", () => {
  test("does not start with a method that has no rule, and names each", () => {
    const [known] = methods.values();
    const unruled = [Health.method.check, Health.method.list];
    expect(() => requireRules([known as DescMethod, ...unruled])).toThrow(
      "No permission rule for grpc.health.v1.Health/Check, grpc.health.v1.Health/List.",
    );
    expect(() => requireRules(methods.values())).not.toThrow();
    expect(() => ruleOf(Health.method.check)).toThrow("grpc.health.v1.Health/Check has no permission rule");
  });
});

describe("the lint of the contract", () => {
  const { READ, WRITE, ADMIN, ANY, NONE, UNSPECIFIED } = Permission_KeyScope;
  const READS = MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
  const CHANGES = MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
  const of = (init: MessageInitShape<typeof PermissionSchema>, level: MethodOptions_IdempotencyLevel) =>
    contradictionIn(create(PermissionSchema, init), level);

  test("names each method without a permission, in a sentence", () => {
    expect(permissionFaults(ownServices)).toEqual([]);
    expect(permissionFaults([Health])).toEqual(
      ["Check", "Watch", "List"].map((name) => `grpc.health.v1.Health/${name} has no option (colloquy.v1.permission).`),
    );
  });

  test.each<[MessageInitShape<typeof PermissionSchema>, MethodOptions_IdempotencyLevel, string]>([
    [{}, READS, "names no scope: KEY_SCOPE_ANY and KEY_SCOPE_NONE are to be said too"],
    [{ scope: UNSPECIFIED }, CHANGES, "names no scope: KEY_SCOPE_ANY and KEY_SCOPE_NONE are to be said too"],
    [{ scope: WRITE }, READS, "has no side effects, but asks for KEY_SCOPE_WRITE"],
    [{ scope: READ }, CHANGES, "has side effects, but asks for KEY_SCOPE_READ only"],
    [{ scope: READ, needs: Permission_Need.MANAGE }, READS, "has no side effects, but needs NEED_MANAGE"],
    [{ scope: ADMIN }, READS, "asks keys for KEY_SCOPE_ADMIN, but members for no MEMBER_ROLE_ADMIN"],
    [
      { scope: ADMIN, role: MemberRole.MANAGER },
      CHANGES,
      "asks keys for KEY_SCOPE_ADMIN, but members for no MEMBER_ROLE_ADMIN",
    ],
    [
      { scope: ANY, needs: Permission_Need.VISIBLE, withoutTenant: true },
      READS,
      "works without a tenant, but needs NEED_VISIBLE",
    ],
  ])("refuses %j", (init, level, fault) => {
    expect(of(init, level)).toBe(fault);
  });

  test.each<[MessageInitShape<typeof PermissionSchema>, MethodOptions_IdempotencyLevel]>([
    [{ scope: READ, needs: Permission_Need.VISIBLE }, READS],
    [{ scope: READ, role: MemberRole.ADMIN }, READS],
    [{ scope: WRITE, needs: Permission_Need.MANAGE }, CHANGES],
    [{ scope: ADMIN, role: MemberRole.ADMIN, needs: Permission_Need.GRANT }, CHANGES],
    [{ scope: ANY, needs: Permission_Need.VISIBLE }, CHANGES],
    [{ scope: NONE, role: MemberRole.SUPER_ADMIN, withoutTenant: true }, READS],
  ])("takes %j", (init, level) => {
    expect(of(init, level)).toBeUndefined();
  });
});

describe("a viewer", () => {
  const seen = (principal: Principal) => {
    const viewer = viewerOf(principal);
    const standings = [
      { isOwner: false, isParticipant: false },
      { isOwner: false, isParticipant: true },
      { isOwner: true, isParticipant: false },
    ];
    const may = standings.map((standing) =>
      [mayWrite(viewer, standing), mayManage(viewer, standing)].map(Number).join(""),
    );
    return [viewer.kind, ...may];
  };
  // In a conversation of others that is seen, one it takes part in, and its own: may it write, may it manage?
  test.each<[string, Principal, string[]]>([
    ["lead", member("lead"), ["member", "00", "10", "11"]],
    ["member", member("member"), ["member", "00", "10", "11"]],
    ["manager", member("manager"), ["manager", "00", "10", "11"]],
    ["admin", member("admin"), ["tenant", "11", "11", "11"]],
    ["super admin", member("super_admin"), ["tenant", "11", "11", "11"]],
    ["key", key(["read"]), ["tenant", "11", "11", "11"]],
    ["key for a lead", key(["read"], "lead"), ["member", "00", "10", "11"]],
    ["key for a manager", key(["read"], "manager"), ["manager", "00", "10", "11"]],
    ["key for an admin", key(["read"], "admin"), ["tenant", "11", "11", "11"]],
  ])("%s", (_, principal, expected) => {
    expect(seen(principal)).toEqual(expected);
  });

  test("is nobody without a credential", () => {
    expect(() => viewerOf(anonymous)).toThrow(DomainError);
  });
});

test("roles are ordered from the least to the most", () => {
  expect(ROLES).toEqual(["lead", "member", "manager", "admin", "super_admin"]);
});

test.each([
  ["1", true],
  ["auth0|123", true],
  ["zoë", true],
  ["x".repeat(128), true],
  ["😀".repeat(128), true],
  ["", false],
  ["x".repeat(129), false],
  ["a\0", false],
  ["a\nb", false],
  ["\ud800", false],
  ["key:1", false],
  ["agent:1", false],
  ["system:1", false],
  ["agents", true],
])("%j as a member's id: %s", (text, good) => {
  expect(isMemberId(text)).toBe(good);
});
