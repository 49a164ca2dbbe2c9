// Who may call what: one rule for each RPC, as data. docs/permissions.md is made from it.
import { credentialMissing, DomainError, ErrorReason } from "./errors.ts";
import { type Principal, ROLES, type Role, type Scope } from "./principal.ts";

/** What a handler, or the WHERE of its statement, checks once the resource is known. */
export const NEEDS = {
  nothing: "Nothing more is asked.",
  visible: "The conversation is visible to the caller. What is not visible is NOT_FOUND, or missing from the list.",
  write:
    "The caller owns the conversation or takes part in it, is an administrator, or is an API key. In production, and where COLLOQUY_MEMBER_ROLES says so, members, and keys that act for one, speak as user only: new words in another role are PERMISSION_DENIED in every call that adds or changes messages.",
  author: "The caller sent the message and may write there, or it may manage the conversation.",
  manage:
    "The caller owns the conversation, is an administrator, or is an API key. A member may also end its own part.",
  self: "Members see themselves, managers also their subordinates at any depth, administrators and API keys everyone.",
  grant: "Nobody gives or takes what is above it: no role above its own, no scope that the calling key lacks.",
} as const;

export type Need = keyof typeof NEEDS;

/** A rule for callers that have a credential. */
export interface CallRule {
  /** The scope that an API key must have; `any`: every key will do; `none`: no key will. */
  readonly scope: Scope | "any" | "none";
  /** The roles that a member must have, or the member that a key acts for. */
  readonly roles: readonly Role[];
  readonly needs: Need;
  /** False: it works without a tenant. Default true. */
  readonly tenant?: false;
}

/** `public`: no credential is asked for. */
export type Rule = "public" | CallRule;

const EVERYONE = ROLES;
const ADMINS: readonly Role[] = ["admin", "super_admin"];
const SUPER: readonly Role[] = ["super_admin"];

const read = (needs: Need): CallRule => ({ scope: "read", roles: EVERYONE, needs });
const write = (needs: Need): CallRule => ({ scope: "write", roles: EVERYONE, needs });
const admin = (needs: Need): CallRule => ({ scope: "admin", roles: ADMINS, needs });
const superAdmin: CallRule = { scope: "none", roles: SUPER, needs: "nothing", tenant: false };

/** Every RPC that may be served, by `<service>/<method>`. */
export const RULES: Readonly<Record<string, Rule>> = {
  "colloquy.v1.ConversationService/CreateConversation": write("nothing"),
  "colloquy.v1.ConversationService/GetConversation": read("visible"),
  "colloquy.v1.ConversationService/BatchGetConversations": read("visible"),
  "colloquy.v1.ConversationService/ListConversations": read("visible"),
  "colloquy.v1.ConversationService/UpdateConversation": write("write"),
  "colloquy.v1.ConversationService/DeleteConversation": write("manage"),
  "colloquy.v1.ConversationService/RestoreConversation": write("manage"),
  "colloquy.v1.ConversationService/PurgeConversation": admin("visible"),
  // Whoever may see a conversation may learn its number, also by being the first to ask.
  "colloquy.v1.ConversationService/AssignConversationNumbers": { scope: "any", roles: EVERYONE, needs: "visible" },

  "colloquy.v1.MessageService/SendMessage": write("write"),
  "colloquy.v1.MessageService/BatchSendMessages": write("write"),
  "colloquy.v1.MessageService/GetMessage": read("visible"),
  "colloquy.v1.MessageService/ListMessages": read("visible"),
  "colloquy.v1.MessageService/BatchListMessages": read("visible"),
  "colloquy.v1.MessageService/SearchMessages": read("visible"),
  "colloquy.v1.MessageService/UpdateMessage": write("author"),
  "colloquy.v1.MessageService/DeleteMessage": write("author"),
  "colloquy.v1.MessageService/RestoreMessage": write("author"),
  "colloquy.v1.MessageService/DeleteAllMessages": write("manage"),
  "colloquy.v1.MessageService/RestoreAllMessages": write("manage"),
  "colloquy.v1.MessageService/ListDeletedMessages": read("visible"),
  "colloquy.v1.MessageService/ListMessageRevisions": read("visible"),
  "colloquy.v1.MessageService/ReplaceMessages": write("manage"),

  "colloquy.v1.TurnService/Chat": write("write"),
  "colloquy.v1.TurnService/ResumeTurn": read("visible"),
  "colloquy.v1.TurnService/CancelTurn": write("write"),

  "colloquy.v1.ParticipantService/AddParticipants": write("manage"),
  "colloquy.v1.ParticipantService/RemoveParticipant": write("manage"),
  "colloquy.v1.ParticipantService/ListParticipants": read("visible"),
  "colloquy.v1.ParticipantService/MarkRead": write("write"),

  "colloquy.v1.EventService/ListEvents": read("visible"),
  "colloquy.v1.EventService/Subscribe": read("visible"),

  "colloquy.v1.TransferService/ImportConversations": admin("nothing"),
  "colloquy.v1.TransferService/ExportConversations": read("visible"),

  "colloquy.v1.AgentService/CreateAgent": admin("nothing"),
  "colloquy.v1.AgentService/GetAgent": read("nothing"),
  "colloquy.v1.AgentService/ListAgents": read("nothing"),
  "colloquy.v1.AgentService/UpdateAgent": admin("nothing"),
  "colloquy.v1.AgentService/DeleteAgent": admin("nothing"),

  "colloquy.v1.DirectoryService/UpsertMember": admin("grant"),
  "colloquy.v1.DirectoryService/GetMember": read("self"),
  "colloquy.v1.DirectoryService/ListMembers": read("self"),
  "colloquy.v1.DirectoryService/DeleteMember": admin("grant"),
  "colloquy.v1.DirectoryService/SetMemberRole": admin("grant"),
  "colloquy.v1.DirectoryService/SetMemberManager": admin("nothing"),

  "colloquy.v1.AccessService/CreateApiKey": admin("grant"),
  "colloquy.v1.AccessService/ListApiKeys": admin("nothing"),
  "colloquy.v1.AccessService/RotateApiKey": admin("grant"),
  "colloquy.v1.AccessService/RevokeApiKey": admin("nothing"),
  "colloquy.v1.AccessService/WhoAmI": { scope: "any", roles: EVERYONE, needs: "nothing", tenant: false },

  "colloquy.v1.TenantService/CreateTenant": superAdmin,
  "colloquy.v1.TenantService/GetTenant": superAdmin,
  "colloquy.v1.TenantService/ListTenants": superAdmin,
  "colloquy.v1.TenantService/UpdateTenant": superAdmin,

  "colloquy.v1.AnalyticsService/GetConversationAnalytics": read("visible"),
  "colloquy.v1.AnalyticsService/GetTenantAnalytics": { scope: "read", roles: ADMINS, needs: "nothing" },

  "colloquy.v1.AuditService/ListAuditEntries": admin("nothing"),

  "grpc.health.v1.Health/Check": "public",
  "grpc.health.v1.Health/List": "public",
  "grpc.health.v1.Health/Watch": "public",
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "public",
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "public",
};

/** What a rule is looked up by: a method of a contract. A `DescMethod` is one. */
export interface NamedMethod {
  readonly name: string;
  readonly parent: { readonly typeName: string };
}

/** The name of a method in the table. */
export function ruleName({ name, parent }: NamedMethod): string {
  return `${parent.typeName}/${name}`;
}

/** The rule of a method. Throws an Error if there is none: see `requireRules`. */
export function ruleOf(method: NamedMethod): Rule {
  const name = ruleName(method);
  const rule = Object.hasOwn(RULES, name) ? RULES[name] : undefined;
  if (rule === undefined) throw new Error(`${name} has no permission rule`);
  return rule;
}

/** For the start of a server: throws an Error that names every method without a rule. */
export function requireRules(methods: Iterable<NamedMethod>): void {
  const missing = [...methods].map(ruleName).filter((name) => !Object.hasOwn(RULES, name));
  if (missing.length > 0) throw new Error(`No permission rule for ${missing.join(", ")}.`);
}

/**
 * The check before the handler: may this principal call this method at all? Throws CREDENTIAL_MISSING, SCOPE_MISSING or
 * PERMISSION_DENIED.
 */
export function permit(principal: Principal, rule: Rule): void {
  if (rule === "public") return;
  if (principal.kind === "anonymous") throw credentialMissing();
  if (principal.kind === "key") {
    permitScope(principal.scopes, rule.scope);
    if (principal.memberId !== undefined) permitRole(principal.memberRole ?? "member", rule.roles);
  } else {
    permitRole(principal.role, rule.roles);
  }
  if (rule.tenant !== false && principal.tenantId === undefined) {
    throw new DomainError(ErrorReason.PERMISSION_DENIED, "The credential names no tenant.");
  }
}

function permitScope(scopes: ReadonlySet<Scope>, needed: CallRule["scope"]): void {
  if (needed === "any") return;
  if (needed === "none") throw new DomainError(ErrorReason.PERMISSION_DENIED, "This call is not for API keys.");
  if (scopes.has(needed)) return;
  throw new DomainError(ErrorReason.SCOPE_MISSING, `The API key lacks the scope "${needed}".`, {
    metadata: { scope: needed },
  });
}

function permitRole(role: Role, allowed: readonly Role[]): void {
  if (allowed.includes(role)) return;
  throw new DomainError(ErrorReason.PERMISSION_DENIED, `This call is not for the role "${role}".`);
}
