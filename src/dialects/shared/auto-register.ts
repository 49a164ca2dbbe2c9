// Users that are seen for the first time.
import { DeletedFilter } from "../../../gen/colloquy/v1/deleted_filter_pb.ts";
import { DirectoryService } from "../../../gen/colloquy/v1/directory_service_pb.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import type { CallContext } from "../../pipeline/call/call.ts";
import type { Canonical } from "../../services/in-process/in-process.ts";

/** What making something for a user may call besides. */
export const INTRODUCE_MEMBER = DirectoryService.method.upsertMember;
const LOOK_UP_MEMBER = DirectoryService.method.getMember;

/** The user that a request names. */
export interface NamedUser {
  readonly id: string;
  /** The request's field that names it. */
  readonly field: string;
}

/**
 * Runs `act`, which makes something for a user. A user that is no member yet becomes one if the caller may make
 * members, and `act` runs again; else UNKNOWN_REFERENCE names the request's field. A deleted member stays deleted.
 */
export async function introducing<T>(
  canonical: Canonical,
  context: CallContext,
  user: NamedUser,
  act: () => Promise<T>,
): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!isFor(error, ErrorReason.UNKNOWN_REFERENCE)) throw error;
    if (!(await introduce(canonical, context, user.id))) throw unknownUser(user);
    return await act();
  }
}

async function introduce(canonical: Canonical, context: CallContext, memberId: string): Promise<boolean> {
  try {
    if (await exists(canonical, context, memberId)) return false;
    await canonical.call(context, INTRODUCE_MEMBER, { memberId });
    return true;
  } catch (error) {
    if (isFor(error, ErrorReason.SCOPE_MISSING) || isFor(error, ErrorReason.PERMISSION_DENIED)) return false;
    throw error;
  }
}

async function exists(canonical: Canonical, context: CallContext, memberId: string): Promise<boolean> {
  try {
    await canonical.call(context, LOOK_UP_MEMBER, { memberId, deleted: DeletedFilter.INCLUDE });
    return true;
  } catch (error) {
    if (isFor(error, ErrorReason.NOT_FOUND)) return false;
    throw error;
  }
}

function isFor(error: unknown, reason: ErrorReason): boolean {
  return error instanceof DomainError && error.reason === reason;
}

function unknownUser({ field }: NamedUser): DomainError {
  const description = "is no member of the tenant";
  const violations = [{ field, description, rule: "reference" }];
  return new DomainError(ErrorReason.UNKNOWN_REFERENCE, `${field}: ${description}`, { violations });
}
