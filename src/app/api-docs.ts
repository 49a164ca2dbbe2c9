// The OpenAPI documents that the server serves: generated from the contract (scripts/openapi.ts), with the URL of each
// API.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { isIPv6 } from "node:net";
import type { Config } from "../config/config.ts";
import { packaged } from "../config/packaged.ts";
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
  return packaged(`gen/openapi/${name}.json`);
}

/** A generated document, with the base URLs of its API. */
function documentOf(name: string, title: string, path: string, places?: readonly string[]): ServedDocument {
  const read = async () => {
    const json = await readFile(documentFile(name));
    if (places === undefined) return json;
    const document = JSON.parse(json.toString()) as OpenApiDocument;
    const servers = places.map((url) => ({ ...document.servers[0], url }));
    return Buffer.from(JSON.stringify({ ...document, servers }));
  };
  return { name, title, path, read };
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
