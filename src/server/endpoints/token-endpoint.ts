// `/oauth2/token`: an API key for a short token, as OAuth 2.0 client credentials (RFC 6749, section 4.4).

import type { Gate } from "../../access/admission.ts";
import type { Authenticator } from "../../access/authenticate.ts";
import type { ClientAddress } from "../../access/client-address/client-address.ts";
import type { KeyRecord } from "../../access/store-interfaces.ts";
import { GenuineRefused } from "../../access/tokens/claims.ts";
import type { LocalIssuer } from "../../access/tokens/local-issuer.ts";
import { TICKET_USE } from "../../access/tokens/tokens.ts";
import { DomainError, ErrorReason } from "../../domain/errors.ts";
import { SCOPES, type Scope } from "../../domain/identity/principal.ts";
import { releaseBody } from "../../protocols/http/body/linger.ts";
import { RequestBody } from "../../protocols/http/body/request-body.ts";
import { createBodyRules } from "../../protocols/http/body/rules.ts";
import { addressOf, type HttpHandler, type HttpRequest, headerOf } from "../../protocols/http/request.ts";
import { answer } from "../../protocols/http/response.ts";

/** How long a token lives, in seconds: ten minutes, so that a client can hold it without a key. */
export const TOKEN_TTL_S = 600;
/** RFC 8693: a credential for another one, here for a ticket for event streams. */
const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
const MAX_BODY = 16 * 1024;
/** They are too short to be counted. */
const BODIES = createBodyRules({ bodyTimeoutMs: 10_000 });
const NEVER = new AbortController().signal;

export interface TokenEndpointOptions {
  readonly issuer: LocalIssuer;
  readonly authenticator: Pick<Authenticator, "verifyKey" | "authenticate" | "expiryOf">;
  readonly gate: Pick<Gate, "guard">;
  readonly clientAddress: ClientAddress;
  /** Told of failures that are not the client's. */
  readonly onError: (error: unknown) => void;
}

/** RFC 6749, section 5.1: a response with a token must not be cached. */
const NOT_STORED = {
  "content-type": "application/json;charset=UTF-8",
  "cache-control": "no-store",
  pragma: "no-cache",
};

/** RFC 6749, section 5.2, and the HTTP status that goes with the error. */
class OAuthError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, description: string, headers: Readonly<Record<string, string>> = {}) {
    super(description);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/**
 * Makes the handler. The client sends `grant_type=client_credentials`, and its API key as `client_secret` with any part
 * of it that names it as `client_id`: by HTTP Basic or in the form, not both. `scope` may ask for fewer scopes than the
 * key has; the token dies with the key in any case.
 */
export function tokenEndpoint({
  issuer,
  authenticator,
  gate,
  clientAddress,
  onError,
}: TokenEndpointOptions): HttpHandler {
  const respond = async (request: HttpRequest): Promise<object> => {
    if (request.method !== "POST") throw new OAuthError(405, "invalid_request", "Use POST.", { allow: "POST" });
    const form = await readForm(request);
    if (form.get("grant_type") === EXCHANGE) return exchange(request, form);
    if (form.get("grant_type") !== "client_credentials") {
      throw form.has("grant_type")
        ? new OAuthError(400, "unsupported_grant_type", "Only client_credentials and token-exchange are served.")
        : new OAuthError(400, "invalid_request", "grant_type is missing.");
    }
    const { id, secret, basic } = readClient(request, form);
    const address = clientAddress({ address: addressOf(request), header: (name) => headerOf(request, name) });
    const key = await verify(id, secret, basic, address);
    const scopes = chooseScopes(form.get("scope"), key.scopes);
    const token = await issuer.issueForKey({ ...key, scopes, ttl: TOKEN_TTL_S });
    return { access_token: token, token_type: "Bearer", expires_in: TOKEN_TTL_S, scope: scopes.join(" ") };
  };

  /** A ticket reads what its subject reads, and dies with it. `X-Act-For` counts as in any call. */
  const exchange = async (request: HttpRequest, form: URLSearchParams): Promise<object> => {
    const subject = form.get("subject_token") ?? "";
    if (subject === "" || form.get("subject_token_type") !== ACCESS_TOKEN) {
      throw new OAuthError(
        400,
        "invalid_request",
        `subject_token must be a token or API key of the type ${ACCESS_TOKEN}.`,
      );
    }
    if (form.get("scope") !== TICKET_USE) throw new OAuthError(400, "invalid_scope", `scope must be ${TICKET_USE}.`);
    const own: Readonly<Record<string, string>> = { authorization: `Bearer ${subject}`, "x-api-key": "" };
    const header = (name: string) => (name in own ? own[name] || undefined : headerOf(request, name));
    const address = clientAddress({ address: addressOf(request), header: (name) => headerOf(request, name) });
    try {
      const principal = await gate.guard({ address, credential: subject }, (work) =>
        authenticator.authenticate({ header }, work),
      );
      if (principal.kind === "anonymous") throw new OAuthError(400, "invalid_request", "subject_token is missing.");
      const left = Math.floor(((authenticator.expiryOf(subject) ?? Number.POSITIVE_INFINITY) - Date.now()) / 1000);
      const ttl = Math.max(1, Math.min(TOKEN_TTL_S, left));
      const ticket = await issuer.issueTicket(principal, ttl);
      return {
        access_token: ticket,
        issued_token_type: ACCESS_TOKEN,
        token_type: "N_A",
        expires_in: ttl,
        scope: TICKET_USE,
      };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      const { reason } = error;
      if (reason === ErrorReason.CREDENTIAL_INVALID || reason === ErrorReason.PERMISSION_DENIED) {
        throw new OAuthError(400, "invalid_grant", error.message);
      }
      throw error;
    }
  };

  const verify = async (id: string, secret: string, basic: boolean, address: string): Promise<KeyRecord> => {
    try {
      return await gate.guard({ address, credential: secret }, async (work) => {
        const key = await authenticator.verifyKey(secret, work);
        if (id === key.keyId || (id !== "" && secret.startsWith(`${id}_`))) return key;
        throw new GenuineRefused("client_id is not that of the key");
      });
    } catch (error) {
      if (!(error instanceof DomainError && error.reason === ErrorReason.CREDENTIAL_INVALID)) throw error;
      const headers: Record<string, string> = basic ? { "www-authenticate": 'Basic realm="colloquy"' } : {};
      throw new OAuthError(401, "invalid_client", error.message, headers);
    }
  };

  return async (request, response) => {
    let status = 200;
    let headers: Readonly<Record<string, string>> = {};
    let body: object;
    try {
      body = await respond(request);
    } catch (error) {
      const known = asOAuthError(error);
      if (known === undefined) onError(error);
      const shown = known ?? new OAuthError(500, "server_error", "Something failed.");
      ({ status, headers } = shown);
      body = { error: shown.code, error_description: shown.message };
    }
    answer(response, status, { ...NOT_STORED, ...headers }, JSON.stringify(body));
    releaseBody(request);
    return true;
  };
}

async function readForm(request: HttpRequest): Promise<URLSearchParams> {
  const [type = ""] = (request.headers["content-type"] ?? "").split(";");
  if (type.trim().toLowerCase() !== "application/x-www-form-urlencoded") {
    throw new OAuthError(400, "invalid_request", "The body must be application/x-www-form-urlencoded.");
  }
  const body = await RequestBody.of(request, BODIES).whole(MAX_BODY, () => NEVER, request.headers["content-length"]);
  const form = new URLSearchParams(body.toString("utf8"));
  // Section 3.2: a parameter without a value counts as left out, and none may come twice.
  for (const name of new Set(form.keys())) {
    if (form.getAll(name).length > 1) throw new OAuthError(400, "invalid_request", "A parameter comes twice.");
    if (form.get(name) === "") form.delete(name);
  }
  return form;
}

function readClient(request: HttpRequest, form: URLSearchParams): { id: string; secret: string; basic: boolean } {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    const id = form.get("client_id");
    const secret = form.get("client_secret");
    if (id === null || secret === null) {
      throw new OAuthError(401, "invalid_client", "client_id and client_secret are missing.");
    }
    return { id, secret, basic: false };
  }
  if (form.has("client_secret")) {
    throw new OAuthError(400, "invalid_request", "Send the client's secret once: by Basic or in the form.");
  }
  const encoded = /^basic +([A-Za-z0-9+/]+=*) *$/i.exec(authorization)?.[1];
  const [id, secret] = Buffer.from(encoded ?? "", "base64")
    .toString("utf8")
    .split(":");
  if (!id || !secret) {
    const headers = { "www-authenticate": 'Basic realm="colloquy"' };
    throw new OAuthError(401, "invalid_client", "Authorization must be Basic.", headers);
  }
  // Section 2.3.1 has both form-encoded first; keys and ids hold no character that this changes.
  return { id, secret, basic: true };
}

function chooseScopes(asked: string | null, granted: ReadonlySet<Scope>): Scope[] {
  const all = SCOPES.filter((scope) => granted.has(scope));
  if (asked === null) return all;
  const words = asked.split(" ");
  if (words.some((word) => !all.some((scope) => scope === word))) {
    throw new OAuthError(400, "invalid_scope", "The key does not have every scope that is asked for.");
  }
  return all.filter((scope) => words.includes(scope));
}

function asOAuthError(error: unknown): OAuthError | undefined {
  if (error instanceof OAuthError) return error;
  if (!(error instanceof DomainError)) return undefined;
  const { retryAfterMs } = error.details;
  const headers: Record<string, string> =
    retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) };
  switch (error.reason) {
    case ErrorReason.RATE_LIMITED:
      return new OAuthError(429, "temporarily_unavailable", error.message, headers);
    case ErrorReason.TOO_LARGE:
      return new OAuthError(413, "invalid_request", "The body is too large.");
    case ErrorReason.DEADLINE_EXCEEDED:
      return new OAuthError(408, "invalid_request", error.message);
    case ErrorReason.DATABASE_UNAVAILABLE:
    case ErrorReason.OVERLOADED:
    case ErrorReason.SHUTTING_DOWN:
      return new OAuthError(503, "temporarily_unavailable", error.message, headers);
    default:
      return undefined;
  }
}
