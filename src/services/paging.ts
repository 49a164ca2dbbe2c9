// Opens and makes the page tokens of one list call.
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { Caller } from "../domain/caller.ts";
import { bindingOf, openCursor, sealCursor } from "../domain/page-token.ts";
import type { TenantSecrets } from "../store/directory/tenant-secrets.ts";

export interface Pager {
  /** Where the page begins: after this. Undefined: the first page. */
  readonly cursor: readonly string[] | undefined;
  /** The token of the next page, or empty if there is none. `edge` is where this page ends. */
  next(more: boolean, edge: () => readonly string[]): Promise<string>;
}

/** Throws INVALID_PAGE_TOKEN if the request's token is damaged or was made for other arguments. */
export async function openPage<M extends DescMessage>(
  secrets: TenantSecrets,
  caller: Caller,
  schema: M,
  request: MessageShape<M> & { readonly pageToken: string },
): Promise<Pager> {
  const scope = async () => ({
    tenantId: caller.tenantId,
    secret: await secrets(caller.tenantId),
    binding: bindingOf(schema, request, caller.name),
  });
  return {
    cursor: request.pageToken === "" ? undefined : openCursor(await scope(), request.pageToken).map(String),
    next: async (more, edge) => (more ? sealCursor(await scope(), edge()) : ""),
  };
}
