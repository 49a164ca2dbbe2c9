// Serves the console: its page at every path below `/console`, its assets, and what it needs to know of this server.
import type { ConsoleIssuer } from "../../domain/settings/console-issuer.ts";
import { type Content, createContent, sendContent, sendPlain } from "../../protocols/http/content.ts";
import type { HttpHandler, HttpRequest } from "../../protocols/http/request.ts";
import { pathOf } from "../../protocols/http/request.ts";
import { answer, type HttpResponse } from "../../protocols/http/response.ts";
import type { BuiltConsole } from "./built.ts";

const ROOT = "/console";
const TEXT = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-cache" };
/** Assets have a hash of their bytes in their names. */
const FOREVER = "public, max-age=31536000, immutable";
const NOT_BUILT = "The console is not built: run `npm run build`.\n";

export interface ConsoleOptions {
  /** Undefined: it was not built, and its paths say so. */
  readonly built: BuiltConsole | undefined;
  readonly version: string;
  readonly issuers: readonly ConsoleIssuer[];
  /** Issues the token of a developer who signs in with one click. Default: nobody can. */
  readonly developerToken?: HttpHandler | undefined;
}

/** Answers all requests at and below `/console`. */
export function createConsoleHandler(options: ConsoleOptions): HttpHandler {
  const { built, issuers, developerToken } = options;
  const page = built && pageOf(built, policyOf(issuers));
  const config = configOf(options);
  const assets = new Map(
    [...(built?.assets ?? [])].map(({ name, type, read }): [string, Content] => [
      `${ROOT}/${name}`,
      createContent(type, FOREVER, read),
    ]),
  );

  return (request, response) => {
    const path = pathOf(request.url);
    if (path !== ROOT && !path.startsWith(`${ROOT}/`)) return false;
    if (path === `${ROOT}/developer-token` && developerToken !== undefined) return developerToken(request, response);
    const content = contentAt(path);
    if (content !== undefined) sendContent(request, response, content);
    else if (path.startsWith(`${ROOT}/assets/`)) answer(response, 404, TEXT, "not found\n");
    else if (page !== undefined) sendContent(request, response, page);
    else sendNotBuilt(request, response);
    return true;
  };

  function contentAt(path: string): Content | undefined {
    return path === `${ROOT}/config.json` ? config : assets.get(path);
  }
}

function pageOf({ page }: BuiltConsole, policy: string): Content {
  const headers = { "content-security-policy": policy, "cross-origin-opener-policy": "same-origin" };
  return createContent("text/html; charset=utf-8", "no-cache", page, headers);
}

/** What the page must know before anybody has signed in. It holds no secret. */
function configOf({ version, issuers, developerToken }: ConsoleOptions): Content {
  const told = issuers.map(({ issuer, name, clientId, scope, token, parameters }) => {
    return { issuer, name, clientId, scope, token, parameters };
  });
  const text = Buffer.from(JSON.stringify({ version, issuers: told, developer: developerToken !== undefined }));
  return createContent("application/json; charset=utf-8", "no-cache", async () => text);
}

function sendNotBuilt(request: HttpRequest, response: HttpResponse): void {
  if (request.method === "GET" || request.method === "HEAD") answer(response, 404, TEXT, NOT_BUILT);
  else sendPlain(response, 405, { allow: "GET, HEAD" });
}

/** Nothing but this server's own files and calls, and the identity providers at which the page fetches tokens. */
function policyOf(issuers: readonly ConsoleIssuer[]): string {
  const origins = new Set(issuers.flatMap(({ issuer, origins }) => [new URL(issuer).origin, ...origins]));
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "font-src 'self'",
    ["connect-src 'self'", ...origins].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
