// The parts of the pipeline.
import type { DescMethod } from "@bufbuild/protobuf";
import type { Logger } from "pino";
import type { ClientAddress } from "../access/client-address/client-address.ts";
import type { OpenStreams } from "../access/limits/open-streams.ts";
import type { Principal } from "../domain/identity/principal.ts";
import type { Tracing } from "../domain/tracing.ts";
import type { CallContext, CallHead } from "./call/call.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Door } from "./load-shedding.ts";
import type { RpcMetrics } from "./metrics.ts";
import type { ServiceEntry } from "./service.ts";
import type { StartQueue } from "./start-queue.ts";

export interface PipelineOptions {
  readonly services: readonly ServiceEntry[];
  /** Load shedding, before any work. Not used for open services. Default: none is refused. */
  readonly door?: Door;
  /** Where calls wait to begin. Not used for open services. Default: each begins when it comes. */
  readonly starts?: Pick<StartQueue, "enter">;
  /** Authenticates, or throws CREDENTIAL_MISSING or CREDENTIAL_INVALID. Not used for open services. */
  readonly authenticate: (head: CallHead) => Promise<Principal> | Principal;
  /**
   * The caller, if its credential is cached, without all checks that `authenticate` makes: for load shedding alone.
   * Default: not known.
   */
  readonly claimed?: (head: CallHead) => Principal | undefined;
  /** Counts the call, may set response headers, or throws RATE_LIMITED. Not used for open services. */
  readonly limit?: (context: CallContext) => void;
  /** Checks that the caller may call this method, or throws SCOPE_MISSING or PERMISSION_DENIED. */
  readonly allow?: (context: CallContext) => void;
  /** The client address for counts and audit rows. Default: the peer's. */
  readonly clientAddress?: ClientAddress;
  /** Counts open streams. Default: none is counted. */
  readonly streams?: OpenStreams;
  /** The methods that replicas of the database may answer. Default: there are no replicas. */
  readonly replicaReads?: ReadonlySet<DescMethod> | undefined;
  readonly lifecycle: Lifecycle;
  readonly metrics: RpcMetrics;
  /** Undefined: calls are not traced. */
  readonly tracing?: Tracing | undefined;
  readonly logger: Logger;
}
