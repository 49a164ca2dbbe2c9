// Builds the parts of the server and connects them.
import type { Logger } from "pino";
import { createClientAddress } from "../access/client-address/client-address.ts";
import { OpenStreams } from "../access/limits/open-streams.ts";
import type { Config } from "../config/config.ts";
import { packageVersion } from "../config/version.ts";
import { DIALECTS } from "../dialects/dialects.ts";
import { createCompat } from "../dialects/registry.ts";
import { permit, requireRules, ruleOf } from "../domain/identity/permissions.ts";
import { createFrontends } from "../frontends/frontends.ts";
import { openHints } from "../live/hints/open.ts";
import { announcing } from "../live/hints/publish.ts";
import { Presence } from "../live/presence/presence.ts";
import type { CallContext } from "../pipeline/call/call.ts";
import { createCallSignal } from "../pipeline/call/deadline.ts";
import { createLifecycle } from "../pipeline/lifecycle.ts";
import { createShedding } from "../pipeline/load-shedding.ts";
import { createPipeline } from "../pipeline/pipeline.ts";
import { StartQueue } from "../pipeline/start-queue.ts";
import { type BodyRuleLimits, createBodyRules } from "../protocols/http/body/rules.ts";
import type { HttpHandler } from "../protocols/http/request.ts";
import type { Mount } from "../protocols/rest/binding/mount.ts";
import { createRest } from "../protocols/rest/rest.ts";
import { createOriginCheck } from "../server/cors.ts";
import { createReadiness } from "../server/endpoints/readiness.ts";
import type { Listening } from "../server/listening.ts";
import { createServer } from "../server/server.ts";
import { createAgentService } from "../services/agents/service.ts";
import { createAnalyticsService } from "../services/analytics/service.ts";
import { createEventService } from "../services/events/service.ts";
import { createSubscriptions } from "../services/events/subscribe.ts";
import { createAttempts } from "../services/in-process/attempts.ts";
import { redactForWriteOnlyKeys } from "../services/redaction.ts";
import { REPLICA_READS } from "../services/replica-reads.ts";
import { createHealth } from "../services/system/health.ts";
import { createReflection } from "../services/system/reflection.ts";
import { createTransferService } from "../services/transfer/service.ts";
import { createTurnService } from "../services/turns/service.ts";
import { createWebhookService } from "../services/webhooks/service.ts";
import { withinConversation } from "../services/within-conversation.ts";
import type { Database } from "../store/database.ts";
import { createTenantSecrets } from "../store/directory/tenant-secrets.ts";
import { traced } from "../store/wrappers/traced.ts";
import { type EventLoop, watchEventLoop } from "../telemetry/event-loop.ts";
import { measureLoad } from "../telemetry/load-metrics.ts";
import { createMetrics, type Gather } from "../telemetry/metrics.ts";
import { measureReadiness } from "../telemetry/ready-metric.ts";
import { measureReplicas } from "../telemetry/replica-metrics.ts";
import { createIdentity } from "./access.ts";
import { openAgents } from "./agents.ts";
import { createConversationServices } from "./conversation-services.ts";
import { eventTickets } from "./event-tickets.ts";
import { createUploadHandler, openFilesAndSweeper } from "./files.ts";
import { listenOn } from "./listeners.ts";
import { metadataRoutesOf } from "./mcp-metadata.ts";
import { narrowed } from "./narrowed.ts";
import { openPages } from "./pages.ts";
import { REST_FAILURES } from "./rest-errors.ts";
import { createStopSteps } from "./stop-steps.ts";
import { BACKGROUND_MS, DRAIN_MS } from "./stop-times.ts";
import { openTracing } from "./tracing.ts";
import { createPageHandlers } from "./web-pages.ts";
import { openWebhooks } from "./webhooks.ts";

export interface App {
  /** Listens, runs `settle`, and is ready then. Rejects if either fails. */
  start(settle: (listening: Listening) => Promise<unknown>): Promise<Listening>;
  /** Reloads the certificate, and applies the issuers and limits of these settings. Throws SettingError. */
  reload(next: Config): Promise<void>;
  /** Reports that it is not ready, so that load balancers stop sending calls; calls are still served. */
  leave(): void;
  /** Finishes running calls, then closes every socket. The database stays open: its opener closes it. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Surroundings {
  /** Measures the load of the process. Default: its event loop. */
  readonly loop?: EventLoop;
  /** The text of `/metrics`, if it covers more than this process. */
  readonly gather?: Gather | undefined;
  /** Told, in words, of each step of the stop. */
  readonly waitsFor?: (what: string) => void;
  /** For tests. Default: the limits that docs/operations.md gives. */
  readonly bodyLimits?: Partial<BodyRuleLimits>;
}

/**
 * Builds everything, without listening. Throws if an RPC has no permission rule. The caller must stop it, also if the
 * start fails. `url` is where LISTEN works; undefined: nowhere.
 */
export async function createApp(
  config: Config,
  logger: Logger,
  opened: Database,
  url: string | undefined,
  { loop = watchEventLoop(), gather, waitsFor = () => {}, bodyLimits = {} }: Surroundings = {},
): Promise<App> {
  // If a later part cannot be built, the earlier ones are closed in reverse order.
  await using begun = new AsyncDisposableStack();
  const step = createStopSteps({ limitMs: BACKGROUND_MS, logger, waitsFor });
  const atStop = (what: string, end: () => Promise<unknown>) => begun.defer(() => step(what, end));
  begun.defer(() => loop.stop());
  const lifecycle = createLifecycle();
  const metrics = createMetrics(gather);
  const hints = await openHints(config.hints, url, logger);
  atStop("the connection that carries hints", () => hints.close());
  const tracing = await openTracing(config, logger);
  if (tracing !== undefined) atStop("traces to be exported", () => tracing.close());
  const database = announcing(tracing === undefined ? opened : traced(opened, tracing), hints);
  const secrets = createTenantSecrets(database);
  const onError = (error: unknown) => logger.error({ err: error }, "a background task failed");
  const { heartbeatMs, memberRoles, purgeAfterDays } = config;
  const clientAddress = createClientAddress(config.trustedProxies);
  const parts = { database, config, onError, log: logger };
  const starts = new StartQueue();
  const shedding = createShedding({ queue: database.queue, starts, readLoop: () => loop.read(), logger });
  const callMs = () => shedding.callMs;
  const { files, bytes, sweeper, wakeJobs } = await openFilesAndSweeper({ ...parts, callMs, atStop });
  const identity = await createIdentity({ ...parts, secrets, hints, clientAddress, wakeJobs });
  atStop("the last uses of API keys to be written", () => identity.stop());
  let started = false;
  const answers = createReadiness(() => database.ping(AbortSignal.timeout(2_000)));
  const ready = async () => started && (await answers());

  const { sealer, turns } = await openAgents({ database, bytes, url, hints, config, log: logger, tracing, atStop });
  const { renew } = identity;
  const presence = new Presence({ database, signals: hints.signals, onError });
  atStop("who is here to be written", () => presence.stop());
  const follows = { database, hints, renew, presence, draining: lifecycle.draining, heartbeatMs };
  const subscriptions = createSubscriptions(follows);

  measureLoad(metrics.registry, database.queue, shedding);
  measureReplicas(metrics.registry, opened.replicas);
  measureReadiness(metrics.registry, async () => !lifecycle.isLeaving && (await ready()));
  const [{ feeds }, { registry }] = [subscriptions, metrics];
  const webhooks = openWebhooks({ database, feeds, sealer, config, log: logger, registry, tracing, callMs });
  atStop("webhooks under way", () => webhooks.stop());
  const pages = openPages(config, registry, begun);
  const ofConversations = { pages, database, secrets, config, ...files, renew, hints, signals: hints.signals, onError };
  const { services: conversationServices, scheduler } = createConversationServices(ofConversations);
  atStop("scheduled messages under way", () => scheduler.stop());

  const canonical = [
    ...conversationServices,
    createTurnService({ database, turns, hints, secrets, renew, memberRoles, purgeAfterDays, heartbeatMs }),
    createEventService({ database, secrets, subscriptions }),
    createTransferService({ database, bytes, renew, heartbeatMs }),
    createAgentService({ database, secrets, sealer, allowPrivate: config.agents.allowPrivate }),
    createAnalyticsService({ database }),
    createWebhookService({ database, secrets, sealer, webhooks, allowPrivate: config.webhooks.allowPrivate }),
    ...identity.services,
  ]
    .map(redactForWriteOnlyKeys)
    .map((entry) => identity.outsideReads.wrap(entry))
    .map((entry) => withinConversation(entry, database));
  const cors = config.cors === "loopback" ? { origins: [], loopback: true } : { origins: config.cors, loopback: false };
  const allowsOrigin = createOriginCheck(cors);
  const tls = config.tls !== undefined;
  const frontends = createFrontends({ allowsOrigin, heartbeatMs, tls, secrets, version: packageVersion() });
  const compat = createCompat({
    dialects: { ...DIALECTS, ...frontends },
    points: config.compat,
    services: canonical,
    permit: (principal, method) => permit(principal, ruleOf(method)),
    people: identity.directory,
    attempts: createAttempts(database, onError),
    counts: identity.counts,
    tls: config.tls !== undefined,
    trust: { ...config.trust, allowsOrigin },
  });
  const named = [...canonical, ...compat.services].map(({ service }) => service);
  const health = createHealth({ services: named, ready, lifecycle });
  const reflection = createReflection([...named, health.service]);
  const services = [...canonical, ...compat.services, health, ...reflection];
  // The permission of a dialect's method follows from the methods that it calls.
  const ruled = services.filter(({ open }) => !open).flatMap(({ service }) => service.methods);
  requireRules(ruled.filter((method) => !compat.serves(method)));
  const allow = (context: CallContext) => (compat.serves(context.method) ? compat : identity.stages).allow(context);
  const streams = new OpenStreams(config.streamLimits);
  const stages = { ...identity.stages, allow, door: shedding, starts, streams, clientAddress };
  const options = { ...stages, replicaReads: opened.replicas && REPLICA_READS, lifecycle, metrics, logger, tracing };
  const pipeline = createPipeline({ services, ...options });
  // One for all ports: buffered bodies are limited for the process.
  const bodies = createBodyRules(bodyLimits);
  const serves = canonical.map(({ service }) => service);
  const own: Mount = { name: "v1", serves, basePaths: ["/v1"], ...eventTickets };
  const createSignal = (deadline: number | undefined) => createCallSignal(deadline, lifecycle.stopping);
  const uploads = createUploadHandler({ database, ...files, ...config.files }, { pipeline, createSignal, bodies });
  const handlers = [...createPageHandlers(compat.dialects.values(), config, identity), uploads];
  const listeners = [...compat.mounts([own], config.port)].map(([port, mounts]) => {
    const rest = createRest({ pipeline, mounts, bodies, clientAddress, heartbeatMs, createSignal, ...REST_FAILURES });
    const metadata = metadataRoutesOf(config, port);
    const handle: HttpHandler = (request, response) => rest.handle(request, response);
    const server = createServer({
      pipeline: port === undefined ? pipeline : narrowed(pipeline, mounts, health.service),
      lifecycle,
      bodies,
      ...(port === undefined
        ? { metrics, routes: new Map([...identity.endpoints, ...metadata]), handlers: [...handlers, handle] }
        : { routes: metadata, handlers: [handle] }),
      host: config.host,
      port: port ?? config.port,
      tls: config.tls && { certFile: config.tls.certificateFile, keyFile: config.tls.keyFile },
      cors,
      hosts: config.hosts === "any" ? undefined : { names: config.hosts },
      ready,
      logger,
      unaryLane: config.unaryLane,
      streamLane: config.streamLane,
      onConnection: starts.connectionCame,
    });
    return { server, port, names: mounts.map(({ name }) => name) };
  });
  begun.defer(async () => {
    waitsFor("calls in flight");
    await Promise.all(listeners.map(({ server }) => server.close({ deadlineMs: DRAIN_MS })));
  });

  const running = begun.move();
  return {
    async start(settle) {
      await identity.start();
      sweeper.start();
      webhooks.start();
      scheduler.start();
      presence.start();
      shedding.start();
      const listening = await listenOn(listeners, config.compatChosen);
      await settle(listening);
      started = true;
      return listening;
    },
    async reload(next) {
      for (const { server } of listeners) server.reload();
      await identity.reload(next);
      streams.replaceLimits(next.streamLimits);
    },
    leave: () => lifecycle.leave(),
    stop: () => running.disposeAsync(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
