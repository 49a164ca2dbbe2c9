// The pages that the server shows people: the API's documentation and the console.
import type { Config } from "../config/config.ts";
import { built, packaged } from "../config/packaged.ts";
import { packageVersion } from "../config/version.ts";
import type { Dialect } from "../dialects/shared/dialect.ts";
import type { HttpHandler } from "../protocols/http/request.ts";
import { createDocsHandlers } from "../protocols/rest/docs/docs.ts";
import { findConsole } from "../server/console/built.ts";
import { createConsoleHandler } from "../server/console/console.ts";
import { createDeveloperToken } from "../server/console/developer-token.ts";
import type { Identity } from "./access.ts";
import { documentsOf } from "./api-docs.ts";
import { DEFAULT_TENANT } from "./first-run.ts";

/** The member as which a developer uses the console, an administrator. */
const DEVELOPER = "developer";
const DEVELOPER_TTL_S = 12 * 60 * 60;

export function createPageHandlers(
  dialects: Iterable<Pick<Dialect, "name" | "title">>,
  config: Config,
  identity: Pick<Identity, "directory" | "localIssuer">,
): HttpHandler[] {
  const docs = createDocsHandlers({
    documents: documentsOf(dialects, config),
    viewer: packaged("third_party/swagger-ui"),
  });
  if (!config.console.served) return [docs];
  const console = createConsoleHandler({
    built: findConsole(built("console")),
    version: packageVersion(),
    issuers: config.console.issuers,
    developerToken: config.profile === "development" ? createDeveloperToken(() => issueFor(identity)) : undefined,
  });
  return [docs, console];
}

async function issueFor({ directory, localIssuer }: Pick<Identity, "directory" | "localIssuer">) {
  const tenant = await directory.tenant(DEFAULT_TENANT);
  if (tenant === undefined) return undefined;
  return await localIssuer.issue({ tenantId: tenant.id, sub: DEVELOPER, role: "admin", ttl: DEVELOPER_TTL_S });
}
