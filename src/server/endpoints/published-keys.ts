// `/.well-known/jwks.json`: the public keys of the local issuer, with which others verify its tokens.
import type { LocalIssuer } from "../../access/tokens/local-issuer.ts";
import { type Content, createContent, sendContent } from "../../protocols/http/content.ts";
import type { HttpHandler } from "../../protocols/http/request.ts";
import { answer } from "../../protocols/http/response.ts";

/** Serves the JWK set (RFC 7517, section 5), with an ETag. Others may keep it for ten minutes. */
export function publishKeys(issuer: LocalIssuer): HttpHandler {
  let last: { readonly text: string; readonly content: Content } | undefined;
  return async (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(response, 405, { allow: "GET, HEAD", "cache-control": "no-store" });
      return true;
    }
    const text = JSON.stringify(await issuer.keys.publicKeys());
    // Keys are rotated.
    if (last?.text !== text) {
      const content = createContent("application/jwk-set+json", "public, max-age=600", async () => Buffer.from(text));
      last = { text, content };
    }
    sendContent(request, response, last.content);
    return true;
  };
}
