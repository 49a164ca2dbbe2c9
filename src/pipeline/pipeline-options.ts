// What the pipeline is made of.
import type { Logger } from "pino";
import type { ClientAddress } from "../access/client-address/client-address.ts";
import type { OpenStreams } from "../access/limits/open-streams.ts";
import type { Principal } from "../domain/identity/principal.ts";
import type { CallContext, CallHead } from "./call.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Door } from "./load-shedding.ts";
import type { RpcMetrics } from "./metrics.ts";
import type { ServiceEntry } from "./service.ts";

export interface PipelineOptions {
  readonly services: readonly ServiceEntry[];
  /** Refuses calls before anything is spent on them. Not asked for open services. Default: none is refused. */
  readonly door?: Door;
  /** Says who calls, or throws CREDENTIAL_MISSING or CREDENTIAL_INVALID. Not asked for open services. */
  readonly authenticate: (head: CallHead) => Promise<Principal> | Principal;
  /** Counts the call, may set headers of the answer, or throws RATE_LIMITED. Not asked for open services. */
  readonly limit?: (context: CallContext) => void;
  /** Says whether the caller may call this method at all, or throws SCOPE_MISSING or PERMISSION_DENIED. */
  readonly allow?: (context: CallContext) => void;
  /** The address that a call is counted and audited by. Default: its peer's. */
  readonly clientAddress?: ClientAddress;
  /** Counts open streams. Default: none is counted. */
  readonly streams?: OpenStreams;
  readonly lifecycle: Lifecycle;
  readonly metrics: RpcMetrics;
  readonly logger: Logger;
}
