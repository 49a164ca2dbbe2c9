// grpc.health.v1: whether the server takes calls, asked once or watched.
import { setTimeout as sleep } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import { notFound } from "../domain/errors.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { type ServiceEntry, serve } from "./service.ts";

export interface HealthOptions {
  /** The services that can be asked for by name. The empty name stands for the whole server. */
  readonly services: readonly DescService[];
  /** Whether the server can do its work now: its database answers, say. A failure counts as no. */
  readonly ready: () => Promise<boolean>;
  readonly lifecycle: Lifecycle;
  /** How often a Watch looks again. Default: 1 s. */
  readonly watchEveryMs?: number;
}

/** Check, List and Watch. They need no credential, and answer NOT_SERVING from the moment at which the server is to stop. */
export function createHealth({ services, ready, lifecycle, watchEveryMs = 1_000 }: HealthOptions): ServiceEntry {
  const names: ReadonlySet<string> = new Set(["", Health.typeName, ...services.map((service) => service.typeName)]);

  async function currentStatus(): Promise<Status> {
    if (lifecycle.isLeaving) return Status.NOT_SERVING;
    const isReady = await ready().catch(() => false);
    return isReady && !lifecycle.isLeaving ? Status.SERVING : Status.NOT_SERVING;
  }

  return serve(
    Health,
    {
      async check({ service }) {
        if (!names.has(service)) throw notFound("service");
        return { status: await currentStatus() };
      },

      async list() {
        const status = await currentStatus();
        return { statuses: Object.fromEntries([...names].map((name) => [name, { status }])) };
      },

      /** Sends the status now and whenever it changes; ends when the server drains. */
      async *watch({ service }, context) {
        const known = names.has(service);
        let last: Status | undefined;
        for (;;) {
          // The protocol wants a status here and not an error: the service may appear later.
          const status = known ? await currentStatus() : Status.SERVICE_UNKNOWN;
          if (status !== last) yield { status };
          last = status;
          if (lifecycle.draining.aborted) return;
          const signal = AbortSignal.any([lifecycle.draining, context.signal]);
          await sleep(watchEveryMs, undefined, { signal }).catch(() => {});
          if (context.signal.aborted) return;
        }
      },
    },
    { open: true },
  );
}
