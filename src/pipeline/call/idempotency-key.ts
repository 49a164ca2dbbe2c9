// The idempotency key of a mutation: from the request's own field, or from a header.
import type { DescField, DescMessage, Message } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { invalidField } from "../../domain/errors.ts";

const FIELD = "request_id";
export const IDEMPOTENCY_HEADER = "idempotency-key";
const RULE = "must be 1 to 128 visible ASCII characters";

/** The field of a request that carries its key, if its message has one. */
export function requestIdField(input: DescMessage): DescField | undefined {
  return input.fields.find((f) => f.name === FIELD && f.fieldKind === "scalar" && f.scalar === ScalarType.STRING);
}

/**
 * The request's `request_id` (of a stream of requests, which has none yet, it is for the service to read) where it is
 * set, else the `Idempotency-Key` header, else undefined. Throws INVALID_FIELD if it is not 1 to 128 visible ASCII
 * characters, or if both are given and differ.
 */
export function idempotencyKey(
  request: Message | undefined,
  field: DescField | undefined,
  header: string | undefined,
): string | undefined {
  const fields = request as unknown as Record<string, unknown> | undefined;
  const own = field === undefined ? "" : String(fields?.[field.localName] ?? "");
  // A caller that sends an empty one believes that the call can be retried.
  if (header === "") throw invalidField(IDEMPOTENCY_HEADER, RULE, "request_id.format");
  const given = header ?? "";
  if (own !== "" && given !== "" && own !== given) {
    throw invalidField(FIELD, `differs from the ${IDEMPOTENCY_HEADER} header`, "request_id.conflict");
  }
  const key = own || given;
  if (key === "") return undefined;
  if (!/^[\x21-\x7e]{1,128}$/.test(key)) {
    throw invalidField(own ? FIELD : IDEMPOTENCY_HEADER, RULE, "request_id.format");
  }
  return key;
}
