// What the server says when it is ready.
import { DEFAULT_TENANT } from "./bootstrap.ts";
import type { Config } from "./config.ts";

/** The lines for whoever started it. `firstKey` is there only once in the life of a database. */
export function linesFor(url: string, { databaseUrl, dataDir }: Config, firstKey: string | undefined): string[] {
  const data =
    databaseUrl === undefined ? `Its data lie in ${dataDir}.` : "Its data lie in the database of DATABASE_URL.";
  const lines = [`Colloquy is ready at ${url}`, data, `The API is described at ${url}/docs`];
  if (firstKey === undefined) return lines;
  return [
    ...lines,
    "",
    `The first API key, for the tenant \`${DEFAULT_TENANT}\`. It is shown only this once:`,
    `  ${firstKey}`,
    "Create a conversation with it:",
    `  curl -H 'Authorization: Bearer ${firstKey}' -H 'Content-Type: application/json' \\`,
    `    -d '{"conversation":{"title":"Hello"}}' ${url}/v1/conversations`,
  ];
}
