// The document of RFC 9728 that tells MCP clients which issuers' tokens this server takes.

import { calledOrigin } from "../../dialects/shared/called-origin.ts";
import { type HttpHandler, headerOf } from "../../protocols/http/request.ts";
import { answer } from "../../protocols/http/response.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";

/** Where the document about the resource at a path is: RFC 9728, section 3.1. */
export function metadataPath(path: string): string {
  return WELL_KNOWN + path;
}

export interface MetadataOptions {
  /** The prefixes under which MCP is mounted on one port, such as `/legacy`; empty for none. */
  readonly prefixes: readonly string[];
  /** The `iss` of the issuers whose tokens are taken. */
  readonly issuers: readonly string[];
  readonly tls: boolean;
}

/** Handlers by exact path. The first mount's document is also where clients look that know of one resource a host. */
export function createMetadataRoutes({ prefixes, issuers, tls }: MetadataOptions): ReadonlyMap<string, HttpHandler> {
  // Only an issuer that is a URL can be asked for its own metadata (RFC 8414, section 2).
  const servers = issuers.filter((issuer) => /^https?:\/\//.test(issuer));
  const paths = prefixes.map((prefix) => `${prefix}/mcp`);
  const routes = new Map(paths.map((path) => [metadataPath(path), documentOf(path)]));
  const [first] = paths;
  if (first !== undefined) routes.set(WELL_KNOWN, documentOf(first));
  return routes;

  function documentOf(path: string): HttpHandler {
    return (request, response) => {
      if (request.method !== "GET" && request.method !== "HEAD") {
        answer(response, 405, { allow: "GET, HEAD", "cache-control": "no-store" });
        return true;
      }
      const origin = calledOrigin({ header: (name) => headerOf(request, name) }, tls);
      const document = {
        resource: origin + path,
        ...(servers.length > 0 && { authorization_servers: servers }),
        bearer_methods_supported: ["header"],
        resource_name: "Colloquy",
      };
      // It holds the name that this client called by.
      const headers = { "content-type": "application/json", "cache-control": "no-store" };
      answer(response, 200, headers, JSON.stringify(document));
      return true;
    };
  }
}
