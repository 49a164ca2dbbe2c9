// The OpenAPI documents that the server serves: generated from the contract (scripts/openapi.ts), with the URL of each
// API.
import { existsSync, readFileSync } from "node:fs";
import { isIPv6 } from "node:net";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import type { Dialect } from "../dialects/shared/dialect.ts";
import type { ServedDocument } from "../protocols/rest/docs/docs-page.ts";
import type { OpenApiDocument } from "../protocols/rest/docs/openapi-types.ts";

/** The document of the API, then those of the served dialects. */
export function documentsOf(dialects: Iterable<Pick<Dialect, "name" | "title">>, config: Config): ServedDocument[] {
  const described = [...dialects].filter(({ name }) => existsSync(documentFile(name)));
  return [
    documentOf("openapi", "Colloquy", "/openapi.json"),
    ...described.map(({ name, title }) => documentOf(name, title, `/openapi/${name}.json`, placesOf(config, name))),
  ];
}

function documentFile(name: string): string {
  return join(import.meta.dirname, `../../gen/openapi/${name}.json`);
}

/** A generated document, with the base URLs of its API. */
function documentOf(name: string, title: string, path: string, places?: readonly string[]): ServedDocument {
  const json = readFileSync(documentFile(name), "utf8");
  if (places === undefined) return { name, title, path, json };
  const document = JSON.parse(json) as OpenApiDocument;
  const servers = places.map((url) => ({ ...document.servers[0], url }));
  return { name, title, path, json: JSON.stringify({ ...document, servers }) };
}

/** The base URLs of a dialect: a path, or a whole URL if it has its own port. */
function placesOf({ compat, host, port: ownPort, tls }: Config, name: string): string[] {
  return compat
    .filter(({ dialect }) => dialect === name)
    .map(({ port, prefix }) => {
      if (port === undefined || port === ownPort) return prefix || "/";
      return `${tls ? "https" : "http"}://${isIPv6(host) ? `[${host}]` : host}:${port}${prefix}`;
    });
}
