// Takes endpoints by leases in the database and runs a worker for each: one server delivers for one endpoint, and
// another takes over when it is gone.
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { WebhookOutcome } from "../../gen/colloquy/v1/webhook_pb.ts";
import type { Sealer } from "../agents/secrets/sealing.ts";
import { inBackground } from "../domain/background.ts";
import { newId } from "../domain/ids/id.ts";
import type { Tracing } from "../domain/tracing.ts";
import { BACKOFF, type BackoffTimes } from "../domain/webhooks/backoff.ts";
import type { FeedTails } from "../live/followers/feed-tail.ts";
import type { Database } from "../store/database.ts";
import type { AttemptRow } from "../store/webhooks/attempts.ts";
import type { EndpointRow } from "../store/webhooks/endpoints.ts";
import {
  type ClaimedRow,
  claimEndpoints,
  leaveLease,
  leaveLeases,
  renewLeases,
  tenantsToServe,
} from "../store/webhooks/leases.ts";
import { warnSparingly } from "../telemetry/warn-rarely.ts";
import type { WebhookMetrics } from "../telemetry/webhook-metrics.ts";
import { measureBacklogs } from "./backlog.ts";
import { DeliveryBudget } from "./delivery/budget.ts";
import { ProgressWriter } from "./delivery/progress-writer.ts";
import { EndpointWorker } from "./delivery/worker.ts";
import { disableEndpoint } from "./disable.ts";
import { nextLookMs } from "./look-times.ts";
import { outcomeName } from "./outcome-name.ts";
import type { Encode } from "./reading/entry.ts";
import { TenantReaders } from "./reading/tenant-readers.ts";
import { openHeaders, openSecrets } from "./secrets.ts";
import type { Sink, SinkResult } from "./sinks/sink.ts";
import { createSinks } from "./sinks/sinks.ts";
import { testEndpoint } from "./test-endpoint.ts";
import { UnreadableEndpoints } from "./unreadable-endpoints.ts";

export interface WebhookTimes {
  /** How long a lease lasts, and how often a server that delivers looks for free endpoints, in milliseconds. */
  readonly leaseMs: number;
  readonly lookEveryMs: number;
  readonly backoff: BackoffTimes;
  /** An endpoint that took nothing for so long is disabled, in milliseconds. */
  readonly disableAfterMs: number;
}

export const WEBHOOK_TIMES: WebhookTimes = {
  leaseMs: 6_000,
  lookEveryMs: 1_000,
  backoff: BACKOFF,
  disableAfterMs: 3 * 24 * 60 * 60_000,
};

export interface WebhooksOptions {
  readonly database: Database;
  readonly feeds: FeedTails;
  readonly sealer: Sealer;
  readonly allowPrivate: boolean;
  readonly encode: Encode;
  readonly log: Logger;
  readonly metrics: WebhookMetrics;
  /** How long calls have taken so far, all together, in milliseconds: deliveries are held back for them. Default: 0. */
  readonly callMs?: (() => number) | undefined;
  /** The version of this server, for `User-Agent`. */
  readonly version: string;
  /** Undefined: deliveries are not traced. */
  readonly tracing?: Tracing | undefined;
  /** Default: {@link WEBHOOK_TIMES}. */
  readonly times?: WebhookTimes | undefined;
}

export interface Webhooks {
  start(): void;
  /** Looks now, for an endpoint was created or changed. Resolves once this server acts by it. */
  look(): Promise<void>;
  /** Sends an `endpoint.test` event once. */
  test(tenantId: string, endpoint: EndpointRow, signal: AbortSignal): Promise<AttemptRow>;
  /** Lets requests under way end, writes how far all endpoints are, and leaves them to other servers. */
  stop(): Promise<void>;
}

/** Endpoints taken at once; the rest is for other servers, or the next look. */
const CLAIM = 100;
/** How long an endpoint that was changed may take to let go of, in milliseconds, before it begins anew. */
const PARTING_MS = 500;
/** Of the lease, so that a slow clock does not deliver beside another server. */
const TRUSTED_SHARE = 0.8;
const MEASURE_EVERY_MS = 15_000;

export function createWebhooks(options: WebhooksOptions): Webhooks {
  const { database, feeds, sealer, allowPrivate, encode, log, metrics, version, times = WEBHOOK_TIMES } = options;
  const server = newId();
  const sinks = createSinks({ allowPrivate, userAgent: `Colloquy/${version} (webhooks)`, tracing: options.tracing });
  const warn = warnSparingly(log, "webhooks are held up");
  const writer = new ProgressWriter(database, warn);
  const workers = new Map<string, EndpointWorker>();
  const budget = new DeliveryBudget({ callMs: options.callMs ?? (() => 0) });
  metrics.budget(() => budget.share);
  const readers = new TenantReaders(database, feeds, encode, budget, warn);
  const unreadable = new UnreadableEndpoints();
  let leasedUntil = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let idleLooks = 0;
  let looking: Promise<void> | undefined;
  let again = false;
  let stopped = false;
  let renewed = Number.NEGATIVE_INFINITY;
  let measured = Number.NEGATIVE_INFINITY;

  function sinkOf(tenantId: string, row: EndpointRow): Sink {
    return sinks.sinkOf({
      url: row.url,
      headers: openHeaders(sealer, tenantId, row),
      secrets: openSecrets(sealer, tenantId, row),
      timeoutMs: row.timeout_ms,
    });
  }

  function begin(row: ClaimedRow): void {
    const { tenant_id: tenantId, id } = row;
    const key = `${tenantId}/${id}`;
    workers.get(key)?.stop();
    let sink: Sink;
    try {
      sink = sinkOf(tenantId, row);
    } catch (cause) {
      // A server with the right key may be there: the endpoint is for that one.
      unreadable.note(tenantId, id);
      warn(new Error("an endpoint's secret cannot be read with this server's key: set COLLOQUY_AGENT_KEY", { cause }));
      void leaveLease(database, tenantId, server, id).catch(warn);
      return;
    }
    const source = readers.join(tenantId);
    const worker = new EndpointWorker(row, {
      sink,
      writer,
      reader: source.reader,
      budget,
      held: readers.held,
      backoff: times.backoff,
      sourceFrom: (state) => source.from(state, row.replay_time ?? undefined),
      leased: () => performance.now() < leasedUntil,
      attempted: (outcome) => metrics.attempted(outcomeName(outcome)),
      disableIf: (result, failingForMs) => reasonToDisable(result, failingForMs, times.disableAfterMs),
      async disable(reason) {
        if (!(await disableEndpoint(database, tenantId, id, row.epoch, reason))) return;
        metrics.disabled();
        log.warn({ tenantId, endpointId: id, reason }, "a webhook endpoint was disabled");
        worker.stop();
      },
      onTrouble: warn,
    });
    workers.set(key, worker);
    source.wakes(worker);
    void worker.done.finally(() => {
      source.leave(worker);
      void sink.close?.();
      if (workers.get(key) === worker) workers.delete(key);
    });
  }

  async function lookOnce(forced: boolean): Promise<void> {
    const since = performance.now();
    const tenants = await tenantsToServe(database, server);
    idleLooks = tenants.length === 0 && workers.size === 0 ? idleLooks + 1 : 0;
    if (forced || since - renewed >= times.leaseMs / 3) {
      const epochs = new Map<string, number>();
      for (const { tenant_id: tenantId, held } of tenants) {
        if (!held) continue;
        const rows = await renewLeases(database, tenantId, server, times.leaseMs);
        for (const { endpoint_id, epoch } of rows) epochs.set(`${tenantId}/${endpoint_id}`, epoch);
      }
      renewed = since;
      leasedUntil = since + times.leaseMs * TRUSTED_SHARE;
      const lost = [...workers].filter(([key, { epoch }]) => epochs.get(key) !== epoch).map(([, worker]) => worker);
      if (lost.length > 0) await partWith(lost);
    }
    for (const { tenant_id: tenantId, free } of tenants) {
      if (!free || stopped) continue;
      // What is left is for other servers, or the next look.
      const except = unreadable.of(tenantId);
      for (const row of await claimEndpoints(database, tenantId, server, times.leaseMs, CLAIM, except)) begin(row);
    }
    if (since - measured < MEASURE_EVERY_MS) return;
    measured = since;
    metrics.backlogs(await measureBacklogs(database, [...workers.values()]));
  }

  /** Lets what is under way end, and writes how far they came, before another begins. */
  async function partWith(lost: readonly EndpointWorker[]): Promise<void> {
    for (const worker of lost) worker.stop();
    await Promise.race([Promise.all(lost.map(({ done }) => done)), sleep(PARTING_MS)]);
    await Promise.race([Promise.all(lost.map((worker) => writer.save(worker))), sleep(PARTING_MS)]);
  }

  async function looks(): Promise<void> {
    do {
      const forced = again;
      again = false;
      await lookOnce(forced).catch(warn);
    } while (again && !stopped);
    looking = undefined;
    clearTimeout(timer);
    if (stopped) return;
    timer = setTimeout(() => void look(false), nextLookMs(times.lookEveryMs, idleLooks));
    timer.unref();
  }

  function look(forced: boolean): Promise<void> {
    again ||= forced;
    if (stopped) return Promise.resolve();
    looking ??= inBackground(looks);
    return looking;
  }

  return {
    start: () => void look(false),
    look: () => look(true),
    async test(tenantId, endpoint, signal) {
      const sink = sinkOf(tenantId, endpoint);
      const attempt = await testEndpoint(encode, sink, tenantId, endpoint, signal).finally(() => sink.close?.());
      metrics.attempted(outcomeName(attempt.outcome));
      return attempt;
    },
    async stop() {
      stopped = true;
      budget.close();
      await looking;
      clearTimeout(timer);
      const running = [...workers.values()];
      for (const worker of running) worker.stop();
      await Promise.all(running.map(({ done }) => done));
      await writer.close();
      for (const tenantId of new Set(running.map((worker) => worker.tenantId))) {
        await leaveLeases(database, tenantId, server).catch(warn);
      }
      readers.close();
      await sinks.close();
    },
  };
}

function reasonToDisable({ gone, outcome }: SinkResult, failingForMs: number, afterMs: number): string | undefined {
  if (gone === true) return "the endpoint answered with status 410";
  if (outcome === WebhookOutcome.SUCCEEDED || failingForMs < afterMs) return undefined;
  return "the endpoint took nothing for 3 days";
}
