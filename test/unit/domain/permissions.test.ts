import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { permissionsPage } from "../../../scripts/permissions.ts";
import { DomainError } from "../../../src/domain/errors.ts";
import { permit, RULES, requireRules, ruleOf } from "../../../src/domain/permissions.ts";
import { isMemberId, type Principal, ROLES, type Role, type Scope } from "../../../src/domain/principal.ts";
import { mayManage, mayWrite, viewerOf } from "../../../src/domain/visibility.ts";
import { reasonName, TENANT } from "../../support/access.ts";

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

const method = (path: string) => {
  const [typeName = "", name = ""] = path.split("/");
  return { name, parent: { typeName } };
};

function answerTo(principal: Principal, path: string): string {
  try {
    permit(principal, ruleOf(method(path)));
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
  const HEALTH = "grpc.health.v1.Health/Check";

  test.each<[string, Principal, string[]]>([
    ["nobody", anonymous, [HEALTH]],
    ["a lead", member("lead"), [GET, SEND, WHO, HEALTH]],
    ["a member", member("member"), [GET, SEND, WHO, HEALTH]],
    ["a manager", member("manager"), [GET, SEND, WHO, HEALTH]],
    ["an admin", member("admin"), [GET, SEND, PURGE, KEY, WHO, HEALTH]],
    ["a super admin", member("super_admin"), [GET, SEND, PURGE, KEY, TENANTS, WHO, HEALTH]],
    ["a key without scopes", key([]), [WHO, HEALTH]],
    ["a key that reads", key(["read"]), [GET, WHO, HEALTH]],
    ["a key that writes", key(["write"]), [SEND, WHO, HEALTH]],
    ["a key that administers", key(["admin"]), [PURGE, KEY, WHO, HEALTH]],
    ["a key that may all", key(["read", "write", "admin"]), [GET, SEND, PURGE, KEY, WHO, HEALTH]],
    ["such a key for a lead", key(["read", "write", "admin"], "lead"), [GET, SEND, WHO, HEALTH]],
    ["such a key for an admin", key(["read", "write", "admin"], "admin"), [GET, SEND, PURGE, KEY, WHO, HEALTH]],
    ["a key that reads for an admin", key(["read"], "admin"), [GET, WHO, HEALTH]],
  ])("lets %s call what it may and nothing else", (_, principal, allowed) => {
    const paths = [GET, SEND, PURGE, KEY, TENANTS, WHO, HEALTH];
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
    const methods = ["colloquy.v1.ConversationService/GetConversation", "a.B/C", "a.B/toString"].map(method);
    expect(() => requireRules(methods)).toThrow("No permission rule for a.B/C, a.B/toString.");
    expect(() => requireRules(Object.keys(RULES).map(method))).not.toThrow();
    expect(() => ruleOf(method("constructor/"))).toThrow("no permission rule");
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
  ["agents", true],
])("%j as a member's id: %s", (text, good) => {
  expect(isMemberId(text)).toBe(good);
});

test("docs/permissions.md is what the table says", () => {
  const path = join(import.meta.dirname, "../../../docs/permissions.md");
  expect(readFileSync(path, "utf8")).toBe(permissionsPage());
});
