// Permissions: each RPC declares its own with the option `permission`. docs/permissions.md is generated from it.
import { type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import { Permission_KeyScope as KeyScope, permission } from "../../../gen/colloquy/v1/permission_pb.ts";
import { accessRefused, credentialMissing, ErrorReason } from "../errors.ts";
import { type Principal, ROLES, type Role, type Scope } from "./principal.ts";

/** A rule for callers that have a credential. What the handler checks besides is in the option alone. */
export interface Rule {
  /** The scope that an API key must have; `any`: every key will do; `none`: no key will. */
  readonly scope: Scope | "any" | "none";
  /** The lowest role that a member must have, or the member that a key acts for. */
  readonly role: Role;
  /** Whether the call works without a tenant. */
  readonly withoutTenant: boolean;
  /** Whether only an API key by itself may call. */
  readonly keysOnly: boolean;
}

const SCOPES: Readonly<Record<KeyScope, Rule["scope"] | undefined>> = {
  [KeyScope.UNSPECIFIED]: undefined,
  [KeyScope.READ]: "read",
  [KeyScope.WRITE]: "write",
  [KeyScope.ADMIN]: "admin",
  [KeyScope.ANY]: "any",
  [KeyScope.NONE]: "none",
};

const rules = new WeakMap<DescMethod, Rule>();

/** The name of a method as docs and errors have it: `<service>/<method>`. */
export function ruleName({ name, parent }: DescMethod): string {
  return `${parent.typeName}/${name}`;
}

/** The rule of a method. Throws an Error if the contract says none: see `requireRules`. */
export function ruleOf(method: DescMethod): Rule {
  const rule = knownRule(method);
  if (rule === undefined) throw new Error(`${ruleName(method)} has no permission rule`);
  return rule;
}

function knownRule(method: DescMethod): Rule | undefined {
  const rule = rules.get(method) ?? readRule(method);
  if (rule !== undefined) rules.set(method, rule);
  return rule;
}

function readRule(method: DescMethod): Rule | undefined {
  if (!hasOption(method, permission)) return undefined;
  const { scope: keyScope, role, withoutTenant, keysOnly } = getOption(method, permission);
  const scope = SCOPES[keyScope];
  // Roles are numbered in their order, from 1; unspecified is the lowest.
  return scope && { scope, role: ROLES[Math.max(0, role - 1)] ?? "super_admin", withoutTenant, keysOnly };
}

/** For the start of a server: throws an Error that names every method without a rule. */
export function requireRules(methods: Iterable<DescMethod>): void {
  const missing = [...methods].filter((method) => knownRule(method) === undefined).map(ruleName);
  if (missing.length > 0) throw new Error(`No permission rule for ${missing.join(", ")}.`);
}

/**
 * The check before the handler: may this principal call this method at all? Throws CREDENTIAL_MISSING, SCOPE_MISSING or
 * PERMISSION_DENIED.
 */
export function permit(principal: Principal, rule: Rule): void {
  if (principal.kind === "anonymous") throw credentialMissing();
  if (rule.keysOnly && (principal.kind !== "key" || principal.memberId !== undefined)) {
    throw accessRefused(ErrorReason.PERMISSION_DENIED, "this call is for API keys that act for nobody");
  }
  if (principal.kind === "key") {
    permitScope(principal.scopes, rule.scope);
    if (principal.memberId !== undefined) permitRole(principal.memberRole ?? "member", rule.role);
  } else {
    permitRole(principal.role, rule.role);
  }
  if (!rule.withoutTenant && principal.tenantId === undefined) {
    throw accessRefused(ErrorReason.PERMISSION_DENIED, "the credential names no tenant");
  }
}

function permitScope(scopes: ReadonlySet<Scope>, needed: Rule["scope"]): void {
  if (needed === "any") return;
  if (needed === "none") throw accessRefused(ErrorReason.PERMISSION_DENIED, "this call is not for API keys");
  if (scopes.has(needed)) return;
  throw accessRefused(ErrorReason.SCOPE_MISSING, `the API key lacks the scope "${needed}"`, {
    metadata: { scope: needed },
  });
}

function permitRole(role: Role, lowest: Role): void {
  if (ROLES.indexOf(role) >= ROLES.indexOf(lowest)) return;
  throw accessRefused(ErrorReason.PERMISSION_DENIED, `this call is not for the role "${role}"`);
}
