// What the server says when it is ready.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { TenantStore } from "../access/store-interfaces.ts";
import type { Config } from "../config/config.ts";
import { DEFAULT_TENANT } from "./first-run.ts";

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

/**
 * Puts the first key into a file that only this account reads, and answers the line that says so: in production, what is
 * written to anything but a terminal is kept in logs.
 */
export async function keepFirstKey({ dataDir }: Config, firstKey: string): Promise<string> {
  const file = join(dataDir, "first-api-key");
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await writeFile(file, `${firstKey}\n`, { mode: 0o600, flag: "wx" }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
    // Of another database, once.
    await rm(file);
    await writeFile(file, `${firstKey}\n`, { mode: 0o600, flag: "wx" });
  });
  return `The first API key, for the tenant \`${DEFAULT_TENANT}\`, is in ${file}: take it, and delete the file`;
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
