// A whole server on a free port that serves the test contract, with a fake authentication.
import { setTimeout as sleep } from "node:timers/promises";
import { REST_FAILURES } from "../../../src/app/rest-errors.ts";
import { DomainError, ErrorReason, notFound } from "../../../src/domain/errors.ts";
import { callerOf, type Principal } from "../../../src/domain/identity/principal.ts";
import type { CallContext, CallHead } from "../../../src/pipeline/call/call.ts";
import { createCallSignal } from "../../../src/pipeline/call/deadline.ts";
import { createLifecycle, type Lifecycle } from "../../../src/pipeline/lifecycle.ts";
import type { Door } from "../../../src/pipeline/load-shedding.ts";
import { createPipeline, type Pipeline, type PipelineOptions } from "../../../src/pipeline/pipeline.ts";
import { type ServiceEntry, serve } from "../../../src/pipeline/service.ts";
import { type BodyRules, createBodyRules } from "../../../src/protocols/http/body/rules.ts";
import type { HttpHandler } from "../../../src/protocols/http/request.ts";
import { createRest } from "../../../src/protocols/rest/rest.ts";
import type { TlsOptions } from "../../../src/server/certificate.ts";
import type { Limits } from "../../../src/server/limits.ts";
import { createServer, type Server } from "../../../src/server/server.ts";
import { createHealth } from "../../../src/services/system/health.ts";
import { createReflection } from "../../../src/services/system/reflection.ts";
import { createLogger } from "../../../src/telemetry/log.ts";
import { createMetrics, type Metrics } from "../../../src/telemetry/metrics.ts";
import { EchoService } from "../../gen/colloquy/test/v1/echo_pb.ts";

/** The whole suite also runs without the lanes: `COLLOQUY_UNARY=off COLLOQUY_STREAMS=off npm test`. */
export const UNARY_LANE = process.env.COLLOQUY_UNARY !== "off";
export const STREAM_LANE = process.env.COLLOQUY_STREAMS !== "off";
export const TENANT = "01890000-0000-7000-8000-000000000001";
export const TOKEN = "good-token";
export const ECHO = "/colloquy.test.v1.EchoService/Echo";

export interface EchoServerOptions {
  readonly limits?: Partial<Limits>;
  readonly handlers?: readonly HttpHandler[];
  readonly routes?: ReadonlyMap<string, HttpHandler>;
  /** Whether the echo service is served over REST too. Default: false. */
  readonly rest?: boolean;
  readonly tls?: TlsOptions;
  readonly corsOrigins?: readonly string[];
  readonly loopbackCors?: boolean;
  readonly limit?: (context: CallContext) => Promise<void> | void;
  /** Refuses calls. Default: none is. */
  readonly door?: Door;
  /** Where calls wait to begin. Default: none waits. */
  readonly starts?: PipelineOptions["starts"];
  readonly onConnection?: () => void;
  readonly host?: string;
  /** Default: what the run says. */
  readonly unaryLane?: boolean;
  readonly streamLane?: boolean;
}

export interface EchoServer {
  readonly url: string;
  readonly port: number;
  readonly server: Server;
  readonly pipeline: Pipeline;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly bodies: BodyRules;
  /** What `/readyz` and health say. */
  readiness: { ready: boolean };
  /** The parsed lines of the log so far. */
  readonly lines: Array<Record<string, unknown>>;
  readonly logText: () => string;
  /** Resolves when a log line matches. */
  logged(matches: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** How many handlers of the echo service were entered, and how many of these saw an abort. */
  readonly seen: { entered: number; aborted: number; reasons: unknown[] };
  /** Lets calls that behave `held` go on. */
  release(): void;
  close(): Promise<void>;
}

export async function startEchoServer(options: EchoServerOptions = {}): Promise<EchoServer> {
  const lines: Array<Record<string, unknown>> = [];
  const waiting = new Set<() => void>();
  const raw: string[] = [];
  const logger = createLogger({
    // Callers that leave are told at this level.
    level: "debug",
    destination: {
      write(line: string) {
        raw.push(line);
        lines.push(JSON.parse(line));
        for (const check of waiting) check();
      },
    },
  });
  const lifecycle = createLifecycle();
  const metrics = createMetrics();
  const seen = { entered: 0, aborted: 0, reasons: [] as unknown[] };
  const readiness = { ready: true };
  const ready = async () => readiness.ready;
  const held = Promise.withResolvers<void>();
  const services: ServiceEntry[] = [echoService(seen, held.promise)];
  services.push(createHealth({ services: [EchoService], ready, lifecycle, watchEveryMs: 20 }));
  services.push(...createReflection(services.map((entry) => entry.service)));
  const pipeline = createPipeline({
    services,
    authenticate,
    ...(options.limit === undefined ? {} : { limit: options.limit }),
    ...(options.door === undefined ? {} : { door: options.door }),
    ...(options.starts === undefined ? {} : { starts: options.starts }),
    lifecycle,
    metrics,
    logger,
  });
  const bodies = createBodyRules({ ...options.limits });
  const server = createServer({
    pipeline,
    lifecycle,
    bodies,
    handlers: [...(options.handlers ?? []), ...(options.rest === true ? [restOf(pipeline, lifecycle, bodies)] : [])],
    routes: options.routes ?? new Map(),
    host: options.host ?? "127.0.0.1",
    port: 0,
    tls: options.tls,
    cors: { origins: options.corsOrigins ?? [], loopback: options.loopbackCors ?? true },
    ready,
    metrics,
    logger,
    limits: options.limits ?? {},
    unaryLane: options.unaryLane ?? UNARY_LANE,
    streamLane: options.streamLane ?? STREAM_LANE,
    onConnection: options.onConnection,
  });
  const { url, port } = await server.listen();
  return {
    url,
    port,
    server,
    pipeline,
    lifecycle,
    metrics,
    bodies,
    readiness,
    lines,
    logText: () => raw.join(""),
    logged(matches) {
      return new Promise((resolve) => {
        const check = () => {
          const found = lines.find(matches);
          if (found === undefined) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
      });
    },
    seen,
    release: held.resolve,
    close: () => server.close({ deadlineMs: 100 }),
  };
}

/** The echo service over REST, with the failures of the real one. */
function restOf(pipeline: Pipeline, { stopping }: Lifecycle, bodies: BodyRules): HttpHandler {
  const rest = createRest({
    pipeline,
    bodies,
    mounts: [{ name: "echo", serves: [EchoService] }],
    createSignal: (deadline) => createCallSignal(deadline, stopping),
    ...REST_FAILURES,
  });
  return (request, response) => rest.handle(request, response);
}

function authenticate(head: CallHead): Principal {
  const credential = head.header("authorization");
  if (credential === undefined) throw new DomainError(ErrorReason.CREDENTIAL_MISSING, "a credential is needed");
  if (credential !== `Bearer ${TOKEN}`)
    throw new DomainError(ErrorReason.CREDENTIAL_INVALID, "the credential is not valid");
  return { kind: "member", tenantId: TENANT, memberId: "ada", role: "member" };
}

function echoService(seen: EchoServer["seen"], held: Promise<void>): ServiceEntry {
  async function behave(how: string, context: CallContext): Promise<void> {
    if (how === "hang" || how === "deaf") {
      const { signal } = context;
      const aborted = new Promise<void>((resolve) => {
        const onAbort = () => {
          seen.aborted++;
          seen.reasons.push((signal.reason as DomainError).reason);
          resolve();
        };
        if (signal.aborted) onAbort();
        else signal.addEventListener("abort", onAbort, { once: true });
      });
      await (how === "hang" ? aborted : new Promise(() => {}));
      throw new Error("woken by the abort");
    }
    if (how === "held") await held;
    if (how === "crash") throw new Error("a fault nobody foresaw");
    if (how === "missing") throw notFound("echo");
    if (how.startsWith("wait:")) await sleep(Number(how.slice(5)));
    if (how === "header") context.setHeader("x-echo", "yes");
    if (how.startsWith("fail:")) {
      const reason = ErrorReason[how.slice(5) as keyof typeof ErrorReason];
      throw new DomainError(reason, `failed with ${how.slice(5)}`, {
        metadata: { turn_id: "t1" },
        retryAfterMs: 1_500,
        quota: { subject: "tenant", description: "messages a day" },
      });
    }
    if (how === "long") throw new DomainError(ErrorReason.CONFLICT, "é\ud800".repeat(50_000));
  }
  return serve(EchoService, {
    async echo(request, context) {
      seen.entered++;
      await behave(request.behave, context);
      const { text, metadata, data, number } = request;
      return {
        text,
        ...(metadata === undefined ? {} : { metadata }),
        data,
        number,
        requestId: context.requestId,
        idempotencyKey: context.idempotencyKey ?? "",
        caller: callerOf(context.principal),
      };
    },
    async peek({ text }) {
      return { text };
    },
    async *repeat({ text, times, behave: how }, context) {
      seen.entered++;
      for (let index = 0; index < times; index++) yield { text, index };
      await behave(how, context);
    },
    async collect(requests) {
      const texts: string[] = [];
      for await (const { text } of requests) texts.push(text);
      return { texts };
    },
    async gather(requests) {
      const parts: Uint8Array[] = [];
      for await (const { body } of requests) if (body !== undefined) parts.push(body.data);
      return { data: new Uint8Array(Buffer.concat(parts)) };
    },
    async *converse(requests) {
      for await (const { text } of requests) yield { text };
    },
  });
}
