// Finds the credential in a request's headers, and says on a 401 which ones are understood.
import { DomainError, ErrorReason } from "../domain/errors.ts";

/** What authentication reads of a request. */
export interface RequestHeaders {
  /** A header by its lower-case name. Several of one name come joined by ", ". */
  header(name: string): string | undefined;
}

/** `ticket`: a token for event streams alone. */
export type Credential = { readonly kind: "key" | "token" | "ticket"; readonly text: string };

/**
 * What a ticket is asked for by, as if it were a header, where no header holds a credential. No header has such a name: it
 * comes where a wire lets it in.
 */
export const TICKET = "?access_token";

/** RFC 6750, section 2.1: the scheme, in any case (RFC 9110, section 11.1), and a b64token. */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/**
 * The credential of a request: `Authorization: Bearer <JWT or API key>`, or `X-API-Key: <API key>`. Undefined: none was
 * given. Throws CREDENTIAL_INVALID for one that cannot be read, and for two that differ.
 */
export function readCredential(request: RequestHeaders): Credential | undefined {
  const authorization = request.header("authorization");
  const apiKey = request.header("x-api-key");
  if (authorization === undefined && apiKey === undefined) {
    const ticket = request.header(TICKET);
    return ticket === undefined ? undefined : { kind: "ticket", text: ticket };
  }
  const bearer = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
  if (authorization !== undefined && bearer === undefined) {
    throw invalid("Authorization must be `Bearer` and one token or API key.");
  }
  if (apiKey !== undefined && bearer !== undefined && apiKey !== bearer) {
    throw invalid("Authorization and X-API-Key hold different credentials: send one.");
  }
  if (apiKey !== undefined && !looksLikeApiKey(apiKey)) throw invalid("X-API-Key holds no API key.");
  const text = bearer ?? apiKey ?? "";
  return { kind: looksLikeApiKey(text) ? "key" : "token", text };
}

/** The text of a request's credential, if it is a token and nothing is wrong with how it is given. */
export function bearerToken(request: RequestHeaders): string | undefined {
  const authorization = request.header("authorization");
  if (authorization === undefined || request.header("x-api-key") !== undefined) return undefined;
  const text = BEARER.exec(authorization)?.[1];
  return text === undefined || looksLikeApiKey(text) ? undefined : text;
}

/**
 * The `WWW-Authenticate` of an answer with the HTTP status 401 (RFC 6750, section 3): no error code when no credential
 * was given, `invalid_token` when a bad one was. Undefined for any other failure.
 */
export function challenge(reason: ErrorReason): string | undefined {
  switch (reason) {
    case ErrorReason.CREDENTIAL_MISSING:
      return 'Bearer realm="colloquy"';
    case ErrorReason.CREDENTIAL_INVALID:
      return 'Bearer realm="colloquy", error="invalid_token"';
    default:
      return undefined;
  }
}

function looksLikeApiKey(text: string): boolean {
  return text.startsWith("clq_");
}

function invalid(message: string): DomainError {
  return new DomainError(ErrorReason.CREDENTIAL_INVALID, message);
}
