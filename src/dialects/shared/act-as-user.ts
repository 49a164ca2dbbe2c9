// Decides for which user a call acts, in the dialects whose requests name one.
import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { DirectoryService } from "../../../gen/colloquy/v1/directory_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { KeyPrincipal, MemberPrincipal } from "../../domain/identity/principal.ts";
import { viewerOf } from "../../domain/identity/visibility.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import { deriveContext } from "../../services/in-process/context.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

/** What a manager's call for somebody else asks first, in every dialect. */
export const LOOK_UP_MEMBER = DirectoryService.method.getMember;

/** Tenants and members as the access layer knows them. */
export interface People {
  tenant(name: string): Promise<{ readonly id: string } | undefined>;
  member(tenantId: string, memberId: string): Promise<{ readonly deleted: boolean } | undefined>;
  /** Finds a member, or makes it with this role when it is seen for the first time. */
  ensureMember(tenantId: string, memberId: string, role: "member"): Promise<{ readonly deleted: boolean }>;
}

export interface ActingOptions {
  readonly people: People;
  /** The tenant, by id or slug, of callers without a credential. Undefined: there are none in this dialect. */
  readonly trustedTenant: string | undefined;
  readonly canonical: Canonical;
}

/**
 * A caller without a credential is anonymous when its body is read: it was admitted because its dialect trusts user
 * ids, and until it names one it can do nothing, for no service serves anonymous callers. A caller that gave a
 * credential was authenticated before the body was read, trust or not, and stays who it is.
 */
export interface Acting {
  /**
   * The context of the calls made for a user. Without a credential: as that user, who becomes a member when seen for
   * the first time by a call that changes something, never as more than a plain member. With one: as the caller, if the
   * user is the caller itself, or the caller a manager of the user, an administrator or an API key. Throws
   * PERMISSION_DENIED.
   */
  as(context: CallContext, userId: string): Promise<CallContext>;
  /**
   * The context in which something is looked up of which the request does not say whose it is: as the caller, and
   * without a credential with the sight of a reader of the tenant. What is found is then shown or changed in `as` its
   * owner.
   */
  asReader(context: CallContext): Promise<CallContext>;
  /** Whether the caller may act for a user: what `as` would throw. */
  may(context: CallContext, userId: string): Promise<boolean>;
}

export function createActing({ people, trustedTenant, canonical }: ActingOptions): Acting {
  async function tenantId(): Promise<string> {
    const tenant = trustedTenant === undefined ? undefined : await people.tenant(trustedTenant);
    if (tenant === undefined) throw new DomainError(ErrorReason.CREDENTIAL_MISSING, "a credential is needed");
    return tenant.id;
  }

  async function may(context: CallContext, userId: string): Promise<boolean> {
    const { principal } = context;
    if (principal.kind === "anonymous") return trustedTenant !== undefined;
    const viewer = viewerOf(principal);
    if (viewer.kind === "tenant" || viewer.memberId === userId) return true;
    return viewer.kind === "manager" && (await supervises(context, userId));
  }

  /** A manager sees its subordinates, at any depth, and nobody else. */
  async function supervises(context: CallContext, memberId: string): Promise<boolean> {
    try {
      await canonical.call(context, LOOK_UP_MEMBER, { memberId });
      return true;
    } catch (error) {
      if (error instanceof DomainError && error.reason === ErrorReason.NOT_FOUND) return false;
      throw error;
    }
  }

  return {
    may,
    async as(context, userId) {
      if (!(await may(context, userId)))
        throw denied("only this user, its managers, administrators and API keys may do this");
      if (context.principal.kind !== "anonymous") return overseeing(context, userId);
      const tenant = await tenantId();
      const member = isRead(context.method)
        ? await people.member(tenant, userId)
        : await people.ensureMember(tenant, userId, "member");
      if (member?.deleted) throw denied("the user was deleted");
      const principal: MemberPrincipal = { kind: "member", tenantId: tenant, memberId: userId, role: "member" };
      return deriveContext(context, { principal });
    },
    async asReader(context) {
      if (context.principal.kind !== "anonymous") return context;
      const principal: KeyPrincipal = {
        kind: "key",
        tenantId: await tenantId(),
        keyId: "trusted",
        scopes: new Set(["read"]),
        memberId: undefined,
      };
      return deriveContext(context, { principal });
    },
  };
}

/**
 * A manager reads what its subordinates have, and in these APIs it changes that too. It stays who it is, and has been
 * found to be above the user; the call itself sees to it that what it changes is the user's.
 */
function overseeing(context: CallContext, userId: string): CallContext {
  const { principal } = context;
  const isOthers = principal.kind === "member" && principal.role === "manager" && principal.memberId !== userId;
  if (!isOthers || isRead(context.method)) return context;
  return deriveContext(context, { principal: { ...principal, role: "admin" } });
}

/** A read makes nothing: any page can have a browser send one. */
function isRead({ idempotency }: DescMethod): boolean {
  return idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}

function denied(message: string): DomainError {
  return new DomainError(ErrorReason.PERMISSION_DENIED, message);
}
