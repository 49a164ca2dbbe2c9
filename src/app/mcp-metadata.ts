// The metadata by which MCP clients find the accepted issuers of tokens, on each port that serves MCP.
import type { Config } from "../config/config.ts";
import { createMetadataRoutes } from "../frontends/mcp/metadata.ts";
import type { HttpHandler } from "../protocols/http/request.ts";

/** Handlers by exact path. `port` is undefined for the server's own. */
export function metadataRoutesOf(config: Config, port: number | undefined): ReadonlyMap<string, HttpHandler> {
  const here = (other: number | undefined) => (other === config.port ? undefined : other) === port;
  const mounts = config.compat.filter((mount) => mount.dialect === "mcp" && here(mount.port));
  return createMetadataRoutes({
    prefixes: mounts.map(({ prefix }) => prefix),
    issuers: config.issuers.map(({ issuer }) => issuer),
    tls: config.tls !== undefined,
  });
}
