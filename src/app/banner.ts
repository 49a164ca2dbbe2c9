// The lines that the server prints when it is ready.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { TenantStore } from "../access/store-interfaces.ts";
import type { Config } from "../config/config.ts";
import { DEFAULT_TENANT } from "./first-run.ts";

/** `firstKey` is set only at the first start on a database. */
export function linesFor(
  url: string,
  { databaseUrl, dataDir, console }: Config,
  firstKey: string | undefined,
): string[] {
  const data = databaseUrl === undefined ? `Data directory: ${dataDir}` : "Database: as set by DATABASE_URL";
  const pages = [`API documentation: ${url}/docs`, ...(console.served ? [`Console: ${url}/console`] : [])];
  const lines = [`Colloquy is ready at ${url}`, data, ...pages];
  if (firstKey === undefined) return lines;
  return [
    ...lines,
    "",
    `The first API key, for the tenant \`${DEFAULT_TENANT}\`. It is shown only once:`,
    `  ${firstKey}`,
    "Create a conversation:",
    `  curl -H 'Authorization: Bearer ${firstKey}' -H 'Content-Type: application/json' \\`,
    `    -d '{"conversation":{"title":"Hello"}}' ${url}/v1/conversations`,
  ];
}

/**
 * Writes the first key to a file that only this user can read, and returns the line that says so: in production, output
 * that does not go to a terminal ends up in logs.
 */
export async function keepFirstKey({ dataDir }: Config, firstKey: string): Promise<string> {
  const file = join(dataDir, "first-api-key");
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeFile(file, `${firstKey}\n`, { mode: 0o600, flag: "wx" }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
    // Left from another database.
    await rm(file);
    await writeFile(file, `${firstKey}\n`, { mode: 0o600, flag: "wx" });
  });
  return `The first API key, for the tenant \`${DEFAULT_TENANT}\`, is in ${file}: copy it and delete the file`;
}

/** A warning if a served dialect trusts its callers and their tenant does not exist. It may be created at any time. */
export async function missingTenant(
  { compat, trust }: Config,
  tenants: Pick<TenantStore, "resolve">,
): Promise<string[]> {
  if (!compat.some(({ dialect }) => trust.dialects.some((name) => name === dialect))) return [];
  if ((await tenants.resolve(trust.tenant)) !== undefined) return [];
  return [
    `The tenant "${trust.tenant}" of COLLOQUY_TRUST_TENANT does not exist yet: calls without a credential are refused until it does.`,
  ];
}
