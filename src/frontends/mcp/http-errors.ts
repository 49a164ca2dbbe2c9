// Errors before a JSON-RPC message is known: an HTTP status, and a JSON-RPC error without an id.

import { calledOrigin } from "../../dialects/shared/called-origin.ts";
import { readFailure } from "../../dialects/shared/errors.ts";
import type { CallInfo, Failure, RenderError } from "../../protocols/rest/binding/mount.ts";
import { metadataPath } from "./metadata.ts";

/** JSON-RPC 2.0, section 5.1; -32000 stands for all that is the server's own. */
const CODES: Readonly<Record<string, number>> = {
  MALFORMED_BODY: -32700,
  malformed: -32700,
  INVALID_FIELD: -32600,
  INTERNAL: -32603,
};

export function createErrorRenderer(tls: boolean): RenderError {
  return (failure, info) => {
    const { reason } = readFailure(failure, info);
    // As the API itself says it, which dialects may not.
    const message = failure.problem?.message ?? failure.error.rawMessage;
    const error = { code: CODES[reason] ?? -32000, message, data: { reason: reason.toUpperCase() } };
    return {
      status: failure.status,
      headers: headersOf(failure, info, tls),
      body: { jsonrpc: "2.0", error, id: null },
    };
  };
}

/** RFC 9728, section 5.1: a 401 says where the document is that tells how to get a credential. */
function headersOf({ status, headers, error }: Failure, { call, path }: CallInfo, tls: boolean) {
  if (status !== 401 || call === undefined) return headers;
  const { context } = call;
  const problem = context.header("authorization") === undefined && context.header("x-api-key") === undefined;
  const parts = [
    'Bearer realm="colloquy"',
    ...(problem ? [] : ['error="invalid_token"', `error_description="${quoted(error.rawMessage)}"`]),
    `resource_metadata="${calledOrigin(context, tls)}${metadataPath(path.replace(/\/$/, ""))}"`,
  ];
  return { ...headers, "www-authenticate": parts.join(", ") };
}

/** RFC 6750, section 3: printable ASCII without quotes and backslashes. */
function quoted(text: string): string {
  return text.replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'");
}
