// The options of every front end, besides the services.
import type { AllowsOrigin } from "../../dialects/shared/own-pages.ts";

export interface FrontendOptions {
  /** Whether pages of an origin may call. */
  readonly allowsOrigin: AllowsOrigin;
  /** A silent stream gets a comment so often, in milliseconds. */
  readonly heartbeatMs: number;
  /** Whether the server's ports speak TLS: for the URLs that it gives of itself. */
  readonly tls: boolean;
  /** The secret of a tenant, which authenticates page tokens. */
  readonly secrets: (tenantId: string) => Promise<Uint8Array>;
  /** The version of the package, for protocols that tell it. */
  readonly version: string;
}
