// What the server says when it is ready.

import type { TenantStore } from "./access/ports.ts";
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

/** A line if a dialect that is served trusts its callers, and their tenant is not there: it may be made at any time. */
export async function missingTenant(
  { compat, trust }: Config,
  tenants: Pick<TenantStore, "resolve">,
): Promise<string[]> {
  if (!compat.some(({ dialect }) => trust.dialects.some((name) => name === dialect))) return [];
  if ((await tenants.resolve(trust.tenant)) !== undefined) return [];
  return [
    `There is no tenant "${trust.tenant}" yet, which COLLOQUY_TRUST_TENANT names: until there is, calls without a credential are refused.`,
  ];
}
