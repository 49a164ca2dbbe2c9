// `/.well-known/jwks.json`: the public keys of the local issuer, for whoever verifies its tokens.
import type { LocalIssuer } from "../access/tokens/local-issuer.ts";
import type { HttpHandler } from "../http/request.ts";
import { answer } from "../http/response.ts";

/** Serves the JWK set (RFC 7517, section 5). Others may keep it for ten minutes. */
export function publishKeys(issuer: LocalIssuer): HttpHandler {
  return async (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(response, 405, { allow: "GET, HEAD", "cache-control": "no-store" });
      return true;
    }
    const headers = { "content-type": "application/jwk-set+json", "cache-control": "public, max-age=600" };
    answer(response, 200, headers, JSON.stringify(await issuer.keys.publicKeys()));
    return true;
  };
}
