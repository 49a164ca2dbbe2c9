// `/console/developer-token`: signs a developer in to the console with one click. Only of the development profile,
// which listens on loopback and trusts who can reach it.
import { isOrigin } from "../../protocols/http/origin.ts";
import { type HttpHandler, type HttpRequest, headerOf } from "../../protocols/http/request.ts";
import { answer } from "../../protocols/http/response.ts";

const HEADERS = { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" };

/** @param issue gives a token; undefined: there is no tenant that it could be for */
export function createDeveloperToken(issue: () => Promise<string | undefined>): HttpHandler {
  return async (request, response) => {
    if (request.method !== "POST") {
      answer(response, 405, { ...HEADERS, allow: "POST" }, JSON.stringify({ error: "use POST" }));
      return true;
    }
    if (!isOwnPage(request)) {
      const error = "origin: must be this server's own";
      answer(response, 403, HEADERS, JSON.stringify({ error }));
      return true;
    }
    const token = await issue();
    if (token === undefined) answer(response, 404, HEADERS, JSON.stringify({ error: "there is no tenant" }));
    else answer(response, 200, HEADERS, JSON.stringify({ token }));
    return true;
  };
}

/** A browser names the origin in every POST; what is no page has other ways to get a token. */
function isOwnPage(request: HttpRequest): boolean {
  const origin = headerOf(request, "origin");
  const host = headerOf(request, ":authority") ?? headerOf(request, "host") ?? "";
  return origin !== undefined && isOrigin(origin, host);
}
