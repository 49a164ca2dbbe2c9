// grpc.health.v1: whether the server accepts calls, checked once or watched.
import type { DescService } from "@bufbuild/protobuf";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../gen/grpc/health/v1/health_pb.ts";
import { inBackground } from "../../domain/background.ts";
import { notFound } from "../../domain/errors.ts";
import type { Lifecycle } from "../../pipeline/lifecycle.ts";
import { type ServiceEntry, serve } from "../../pipeline/service.ts";

export interface HealthOptions {
  /** The services that can be asked for by name. The empty name stands for the whole server. */
  readonly services: readonly DescService[];
  /** Whether the server is ready, for example its database responds. A failure counts as no. */
  readonly ready: () => Promise<boolean>;
  readonly lifecycle: Lifecycle;
  /** How often all Watches together look again. Default: 1 s. */
  readonly watchEveryMs?: number;
}

/**
 * Check, List and Watch. They need no credential, and answer NOT_SERVING from the moment at which the server is to
 * stop.
 */
export function createHealth({ services, ready, lifecycle, watchEveryMs = 1_000 }: HealthOptions): ServiceEntry {
  const names: ReadonlySet<string> = new Set(["", Health.typeName, ...services.map((service) => service.typeName)]);

  async function currentStatus(): Promise<Status> {
    if (lifecycle.isLeaving) return Status.NOT_SERVING;
    const isReady = await ready().catch(() => false);
    return isReady && !lifecycle.isLeaving ? Status.SERVING : Status.NOT_SERVING;
  }
  const board = createBoard(currentStatus, watchEveryMs, lifecycle.draining);

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
        if (!names.has(service)) {
          // The protocol wants a status here and not an error: the service may appear later.
          yield { status: Status.SERVICE_UNKNOWN };
          await board.changed(() => lifecycle.draining.aborted, context.signal);
          return;
        }
        let last = await currentStatus();
        yield { status: last };
        while (!lifecycle.draining.aborted) {
          const status = await board.changed((now) => now !== last, context.signal);
          if (status === undefined) return;
          if (status !== last) yield { status };
          last = status;
        }
      },
    },
    { open: true },
  );
}

interface Board {
  /** Resolves with the status once it is as wanted or the server drains; undefined: nobody waits any more. */
  changed(wanted: (status: Status) => boolean, signal: AbortSignal): Promise<Status | undefined>;
}

/**
 * Looks for all that wait together, and wakes those whom it concerns: a watcher costs nothing while nothing changes.
 */
function createBoard(look: () => Promise<Status>, everyMs: number, draining: AbortSignal): Board {
  interface Waiting {
    readonly wanted: (status: Status) => boolean;
    readonly leave: (status?: Status) => void;
  }
  const all = new Set<Waiting>();
  let looking = false;
  const show = (status: Status) => {
    for (const { wanted, leave } of all) if (draining.aborted || wanted(status)) leave(status);
  };
  const lookAgain = async () => {
    show(await look());
    looking = all.size > 0;
    if (looking) setTimeout(lookAgain, everyMs).unref();
  };
  draining.addEventListener("abort", () => show(Status.NOT_SERVING));
  return {
    changed(wanted, signal) {
      if (signal.aborted) return Promise.resolve(undefined);
      if (draining.aborted) return Promise.resolve(Status.NOT_SERVING);
      if (!looking) inBackground(() => setTimeout(lookAgain, everyMs)).unref();
      looking = true;
      return new Promise((resolve) => {
        const leave = (status?: Status) => {
          all.delete(waiting);
          signal.removeEventListener("abort", onAbort);
          resolve(status);
        };
        const onAbort = () => leave();
        const waiting: Waiting = { wanted, leave };
        all.add(waiting);
        signal.addEventListener("abort", onAbort, { once: true });
      });
    },
  };
}
