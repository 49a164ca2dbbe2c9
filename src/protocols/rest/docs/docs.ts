// Serves OpenAPI documents and a page that shows them, from files on this machine only.
import { type Content, createContent, sendContent, sendPlain } from "../../http/content.ts";
import type { HttpRequest } from "../../http/request.ts";
import type { HttpResponse } from "../../http/response.ts";

import { createPage, type DocsOptions, VIEWER_FILES, viewerFile } from "./docs-page.ts";

/** Answers a request for a document or for the viewer. False: the path is none of them, and nothing was done. */
export type DocsHandler = (request: HttpRequest, response: HttpResponse) => boolean;

/** Throws if a document's name is not fit for a path or is given twice. Files of the viewer are read on first use. */
export function createDocsHandlers(options: DocsOptions): DocsHandler {
  const { documents, viewer, path = "/docs", connect = [] } = options;
  const [first] = documents;
  if (first === undefined) throw new Error("there is no document to serve");
  const contents = new Map<string, Content>();
  const add = (at: string, content: Content) => {
    if (contents.has(at)) throw new Error(`two things are to be served at ${at}`);
    contents.set(at, content);
  };
  for (const document of documents) {
    if (!/^[a-z0-9-]+$/.test(document.name)) throw new Error(`${document.name} is no name for a document`);
    add(
      document.path,
      createContent("application/json; charset=utf-8", "no-cache", () => document.read(), {
        "access-control-allow-origin": "*",
      }),
    );
    const page = Buffer.from(createPage(document, { documents, path }));
    const headers = { "content-security-policy": policy(connect) };
    add(
      document === first ? path : `${path}/${document.name}`,
      createContent("text/html; charset=utf-8", "no-cache", async () => page, headers),
    );
  }
  for (const file of VIEWER_FILES) {
    add(
      `${path}/${file.name}`,
      createContent(file.type, "public, max-age=86400", () => viewerFile(file, viewer)),
    );
  }
  return (request, response) => {
    const [target = ""] = (request.url ?? "").split("?", 1);
    const content = contents.get(target);
    if (content !== undefined) sendContent(request, response, content);
    else if (target === `${path}/`) sendPlain(response, 308, { location: path });
    // A person who opens the server's URL in a browser wants its documents.
    else if (target === "/" && isRead(request)) sendPlain(response, 302, { location: path });
    else return false;
    return true;
  };
}

function isRead({ method }: HttpRequest): boolean {
  return method === "GET" || method === "HEAD";
}

/** Nothing but this server's own files. Styles are inline because the viewer sets them on its elements. */
function policy(connect: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    ["connect-src 'self'", ...connect].join(" "),
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
