// The dependencies of a worker.
import type { WebhookOutcome } from "../../../gen/colloquy/v1/webhook_pb.ts";
import type { BackoffTimes } from "../../domain/webhooks/backoff.ts";
import type { HeldEntries } from "../reading/held.ts";
import type { LogReader } from "../reading/log-reader.ts";
import type { Source } from "../reading/source.ts";
import type { Sink, SinkResult } from "../sinks/sink.ts";
import type { DeliveryBudget } from "./budget.ts";
import type { ProgressWriter } from "./progress-writer.ts";
import type { DeliveryState } from "./state.ts";

export interface WorkerParts {
  readonly sink: Sink;
  readonly reader: LogReader;
  readonly writer: ProgressWriter;
  readonly budget: DeliveryBudget;
  readonly held: HeldEntries;
  readonly backoff: BackoffTimes;
  /** The source from the place on where the endpoint is. */
  readonly sourceFrom: (state: DeliveryState) => Source;
  /** Whether the lease is still this server's. */
  readonly leased: () => boolean;
  readonly attempted: (outcome: WebhookOutcome) => void;
  /** Whether to disable it after a failure, and why. */
  readonly disableIf: (result: SinkResult, failingForMs: number) => string | undefined;
  /** Disables it. The worker ends then, or tries again later. */
  readonly disable: (reason: string) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
}
