// Writes docs/permissions.md from the contract's option `permission`, and lints the option.
// Usage: npm run permissions [-- --check]
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type DescMethod, type DescService, type FileRegistry, getOption, hasOption } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Level } from "@bufbuild/protobuf/wkt";
import { MemberRole } from "../gen/colloquy/v1/member_pb.ts";
import {
  Permission_KeyScope as KeyScope,
  Permission_Need as Need,
  Permission_NeedSchema as NeedSchema,
  type Permission,
  permission,
} from "../gen/colloquy/v1/permission_pb.ts";
import { ruleName, ruleOf } from "../src/domain/permissions.ts";
import { ROLES } from "../src/domain/principal.ts";
import { createComments } from "./openapi/index.ts";
import { buildImage } from "./openapi.ts";
import { servicesOf } from "./services.ts";

const path = join(import.meta.dirname, "../docs/permissions.md");

const INTRODUCTION = `# Who may call what

Made from the option \`permission\` of the contract's methods by \`npm run permissions\`. An API key needs the scope; a
member needs one of the roles; a key that acts for a member needs both. Scopes do not imply each other. The five REST
APIs ask what the RPCs behind them ask. \`grpc.health.v1.Health\` and \`grpc.reflection\` need no credential.
`;

/** The page. */
export function permissionsPage(image: FileRegistry): string {
  return [
    INTRODUCTION,
    ...servicesOf(image, "colloquy.v1").flatMap((service) => [
      `## ${service.typeName}`,
      "",
      "| RPC | scope of a key | role of a member | then |",
      "|---|---|---|---|",
      ...service.methods.map(row),
      "",
    ]),
    "## Then",
    "",
    ...needs(image),
    "",
  ].join("\n");
}

function row(method: DescMethod): string {
  const { scope, role } = ruleOf(method);
  const scopes = { any: "any", none: "never", read: "`read`", write: "`write`", admin: "`admin`" }[scope];
  const roles = role === ROLES[0] ? "any" : ROLES.slice(ROLES.indexOf(role)).join(", ");
  const { needs } = getOption(method, permission);
  return `| ${method.name} | ${scopes} | ${roles} | ${needs === Need.UNSPECIFIED ? "" : wordOf(needs)} |`;
}

function needs(image: FileRegistry): string[] {
  const comments = createComments();
  const values = image.getEnum("colloquy.v1.Permission.Need")?.values ?? [];
  return values
    .filter(({ number }) => number !== Need.UNSPECIFIED)
    .map((value) => `- **${wordOf(value.number)}**: ${comments(value)}`);
}

/** `NEED_VISIBLE` */
function nameOf(need: number): string {
  return NeedSchema.values.find(({ number }) => number === need)?.name ?? String(need);
}

function wordOf(need: number): string {
  return nameOf(need).replace("NEED_", "").toLowerCase();
}

/** A sentence for each method of these services whose permission is missing or contradicts itself. */
export function permissionFaults(services: readonly DescService[]): string[] {
  return services.flatMap(({ methods }) =>
    methods.flatMap((method) => {
      const fault = hasOption(method, permission)
        ? contradictionIn(getOption(method, permission), method.idempotency)
        : "has no option (colloquy.v1.permission)";
      return fault === undefined ? [] : [`${ruleName(method)} ${fault}.`];
    }),
  );
}

const CHANGES: readonly Need[] = [Need.WRITE, Need.AUTHOR, Need.MANAGE, Need.GRANT];

/** What contradicts itself in the permission of a method, as the end of a sentence about the method. */
export function contradictionIn(
  { scope, role, needs, withoutTenant }: Pick<Permission, "scope" | "role" | "needs" | "withoutTenant">,
  idempotency: Level,
): string | undefined {
  const reads = idempotency === Level.NO_SIDE_EFFECTS;
  if (scope === KeyScope.UNSPECIFIED) return "names no scope: KEY_SCOPE_ANY and KEY_SCOPE_NONE are to be said too";
  if (reads && scope === KeyScope.WRITE) return "has no side effects, but asks for KEY_SCOPE_WRITE";
  if (!reads && scope === KeyScope.READ) return "has side effects, but asks for KEY_SCOPE_READ only";
  if (reads && CHANGES.includes(needs)) return `has no side effects, but needs ${nameOf(needs)}`;
  if (scope === KeyScope.ADMIN && role < MemberRole.ADMIN) {
    return "asks keys for KEY_SCOPE_ADMIN, but members for no MEMBER_ROLE_ADMIN";
  }
  if (withoutTenant && needs !== Need.UNSPECIFIED) return `works without a tenant, but needs ${nameOf(needs)}`;
  return undefined;
}

if (import.meta.main) {
  const image = buildImage("proto");
  const faults = permissionFaults(servicesOf(image, "colloquy.v1"));
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
  else {
    const page = permissionsPage(image);
    if (!process.argv.includes("--check")) writeFileSync(path, page);
    else if (readFileSync(path, "utf8") !== page) {
      console.error("docs/permissions.md is stale: npm run permissions");
      process.exitCode = 1;
    }
  }
}
