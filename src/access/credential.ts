// Finds the credential in a request's headers, and writes the challenge of a 401.
import { accessRefused, type DomainError, ErrorReason } from "../domain/errors.ts";

/** The headers that authentication reads. */
export interface RequestHeaders {
  /** A header by its lower-case name; repeated headers are joined by ", ". */
  header(name: string): string | undefined;
}

/** `ticket`: a token for event streams only. */
export type Credential = { readonly kind: "key" | "token" | "ticket"; readonly text: string };

/**
 * The pseudo-header of a ticket, read if no header has a credential. Only a protocol that accepts tickets sets it; no
 * real header can have this name.
 */
export const TICKET = "?access_token";

/** RFC 6750, section 2.1: the scheme, in any case (RFC 9110, section 11.1), and a b64token. */
const BEARER = /^bearer +([A-Za-z0-9\-._~+/]+=*) *$/i;

/**
 * The credential of a request: `Authorization: Bearer <JWT or API key>`, or `X-API-Key: <API key>`; undefined without
 * one. Throws CREDENTIAL_INVALID for a malformed credential, and for two different ones.
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
    throw invalid("Authorization must be `Bearer` and one token or API key");
  }
  if (apiKey !== undefined && bearer !== undefined && apiKey !== bearer) {
    throw invalid("Authorization and X-API-Key hold different credentials: send one");
  }
  if (apiKey !== undefined && !looksLikeApiKey(apiKey)) throw invalid("X-API-Key is not an API key");
  const text = bearer ?? apiKey ?? "";
  return { kind: looksLikeApiKey(text) ? "key" : "token", text };
}

/** The token of a request, if it has a well-formed one. */
export function bearerToken(request: RequestHeaders): string | undefined {
  const authorization = request.header("authorization");
  if (authorization === undefined || request.header("x-api-key") !== undefined) return undefined;
  const text = BEARER.exec(authorization)?.[1];
  return text === undefined || looksLikeApiKey(text) ? undefined : text;
}

/**
 * The `WWW-Authenticate` header of a 401 (RFC 6750, section 3): without an error code if there was no credential,
 * `invalid_token` for an invalid one. Undefined for any other error.
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
  return accessRefused(ErrorReason.CREDENTIAL_INVALID, message);
}
