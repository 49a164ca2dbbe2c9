// Refuses what somebody brought who may not call any more.
import { accessRefused, ErrorReason } from "../../domain/errors.ts";
import type { Queryable } from "../../store/database.ts";
import { goneOf, type Uploader } from "../../store/files/uploader.ts";

/**
 * Throws PERMISSION_DENIED if the member that uploads was deleted or erased, CREDENTIAL_INVALID if the key was revoked.
 */
export async function refuseGone(on: Queryable, tenantId: string, uploader: Uploader): Promise<void> {
  switch (await goneOf(on, tenantId, uploader)) {
    case "member":
      throw accessRefused(ErrorReason.PERMISSION_DENIED, "the member that uploads was deleted");
    case "key":
      throw accessRefused(ErrorReason.CREDENTIAL_INVALID, "the API key is refused: it was revoked");
  }
}
