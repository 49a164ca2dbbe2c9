// Page tokens: opaque, authenticated, and bound to the tenant and to every other argument of the list (AIP-158).
import { createHmac, timingSafeEqual } from "node:crypto";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { DomainError, ErrorReason } from "../errors.ts";
import { sortMaps } from "../protobuf/canonical-order.ts";

const TAG_BYTES = 16;

/** What a page token is bound to. */
export interface PageScope {
  readonly tenantId: string;
  /** The tenant's secret, at least 32 bytes. */
  readonly secret: Uint8Array;
  /** Identifies the caller, the method and all arguments but `page_size` and `page_token`. */
  readonly binding: Uint8Array;
}

/**
 * What tells a list request from others: all of it but the page token and the page size, which may change from page to
 * page. `caller` is part of it, so a token is of no use to anybody else.
 */
export function bindingOf<M extends DescMessage>(schema: M, request: MessageShape<M>, caller: string): Uint8Array {
  const rest = { ...request, pageToken: "", pageSize: 0 };
  // Many clients write maps in another order each time.
  sortMaps(schema, rest);
  return Buffer.concat([Buffer.from(`${schema.typeName}\n${caller}\n`), toBinary(schema, rest)]);
}

/** Creates a token from a cursor: the end of the page that was returned. */
export function sealCursor(scope: PageScope, cursor: readonly (string | number)[]): string {
  const body = Buffer.from(JSON.stringify(cursor));
  return Buffer.concat([tagOf(scope, body), body]).toString("base64url");
}

/** Opens a token. Throws INVALID_PAGE_TOKEN if it is damaged or was made for other arguments. */
export function openCursor(scope: PageScope, token: string): readonly unknown[] {
  const bytes = Buffer.from(token, "base64url");
  const body = bytes.subarray(TAG_BYTES);
  // Decoding base64 is lenient; only the one spelling that was given out is taken.
  const genuine =
    bytes.length > TAG_BYTES &&
    bytes.toString("base64url") === token &&
    timingSafeEqual(bytes.subarray(0, TAG_BYTES), tagOf(scope, body));
  if (!genuine) throw invalidPageToken();
  return JSON.parse(body.toString()) as readonly unknown[];
}

function tagOf({ tenantId, secret, binding }: PageScope, body: Uint8Array): Buffer {
  // The length keeps what the one ends with from passing for the other's beginning.
  const head = `${tenantId}\n${binding.byteLength}\n`;
  return createHmac("sha256", secret).update(head).update(binding).update(body).digest().subarray(0, TAG_BYTES);
}

export function invalidPageToken(): DomainError {
  const description = "it is damaged, or was made for other arguments; begin again without it";
  return new DomainError(ErrorReason.INVALID_PAGE_TOKEN, `page_token: ${description}`, {
    violations: [{ field: "page_token", description, rule: "page_token" }],
  });
}
