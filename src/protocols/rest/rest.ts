// Builds one HTTP handler from the REST mounts.
import { randomUUIDv7 } from "node:crypto";
import type { DescMethod, Registry } from "@bufbuild/protobuf";
import type { CallHead } from "../../pipeline/call/call.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { releaseBody } from "../http/body/linger.ts";
import { type BodyRules, createBodyRules } from "../http/body/rules.ts";
import { addressOf, type HttpRequest, headerOf, type Target, targetOf } from "../http/request.ts";
import { answer, answerEmpty, type Headers, type HttpResponse } from "../http/response.ts";
import { bindingsOf } from "./binding/binding.ts";
import { JSON_TYPE } from "./binding/media.ts";
import type { CallInfo, Mount } from "./binding/mount.ts";
import { invalid, RestProblem } from "./binding/problem.ts";
import { type CreateCallSignal, createPlainSignal } from "./request/call-head.ts";
import { bodyOf, createFailureRenderer, type FailureOptions } from "./response/errors.ts";
import { createJsonWriter } from "./response/json-write.ts";
import { chooseRoute, createRoute, type Route } from "./route.ts";
import { createRouter } from "./router.ts";
import { createTranscoder } from "./transcoder.ts";

export interface RestOptions extends FailureOptions {
  /** Must serve every method that a mount serves. */
  readonly pipeline: Pick<Pipeline, "begin" | "methods">;
  readonly mounts: readonly Mount[];
  /** Makes the signal of each call, on first use. Default: one that aborts when the client disconnects. */
  readonly createSignal?: CreateCallSignal;
  /** The client address of requests that never become a call, for counting. Default: the peer's. */
  readonly clientAddress?: ClientAddress;
  /** How request bodies are read. Default: rules of its own, with the limits' defaults. */
  readonly bodies?: BodyRules;
  /** The messages that `google.protobuf.Any` may hold in requests and responses. Default: none. */
  readonly registry?: Registry;
  /** Interval of heartbeat comments on an idle event stream. Default: 15,000. */
  readonly heartbeatMs?: number;
  /** Time without a first message after which a stream sends its headers alone. Default: 2,000. */
  readonly openAfterMs?: number;
}

/** By default a cache may store 404 and 405 (RFC 9110 §15.1). */
const NOT_KEPT: Headers = { "cache-control": "no-store" };

type ClientAddress = (request: Pick<CallHead, "address" | "header">) => string;

/** One route, for listings. */
export interface RouteEntry {
  readonly mount: string;
  readonly verb: string;
  readonly pattern: string;
  readonly method: DescMethod;
}

export interface Rest {
  /** Responds to the request and returns true, or returns false without touching it: no mount claims its path. */
  handle(request: HttpRequest, response: HttpResponse): boolean | Promise<boolean>;
  readonly routes: readonly RouteEntry[];
}

/**
 * Builds the routes of all mounts. Throws BindingError for a binding that cannot be served and CollisionError for two
 * that claim the same place.
 */
export function createRest(options: RestOptions): Rest {
  const { pipeline, mounts, registry, createSignal = createPlainSignal, bodies = createBodyRules() } = options;
  const { clientAddress = ({ address }) => address } = options;
  const writer = createJsonWriter(registry === undefined ? {} : { registry });
  const renderFailure = createFailureRenderer(options);
  const times = { heartbeatMs: options.heartbeatMs ?? 15_000, openAfterMs: options.openAfterMs ?? 2_000 };
  const transcode = createTranscoder({ pipeline, createSignal, bodies, renderFailure, writer, times });
  const routes = mounts.flatMap((mount) =>
    methodsOf(mount).flatMap((method) =>
      bindingsOf(method, mount.prefix).map((binding) => createRoute(mount, binding, writer, registry)),
    ),
  );
  for (const { binding } of routes) {
    const { parent, name } = binding.method;
    if (!pipeline.methods.has(`/${parent.typeName}/${name}`))
      throw new Error(`${binding.method} is mounted but not served`);
  }
  const router = createRouter(routes);
  const claims = claimsOf(mounts, routes);

  /** The mount with the longest base path above a path. */
  function claimant(path: string): Mount | undefined {
    for (let end = path.length; end >= 0; end = path.lastIndexOf("/", end - 1)) {
      const mount = claims.get(path.slice(0, end));
      if (mount !== undefined) return mount;
      if (end === 0) break;
    }
    return undefined;
  }

  function refuse(
    mount: Mount,
    problem: RestProblem,
    { path, query }: Target,
    request: HttpRequest,
    response: HttpResponse,
  ): true {
    const info = infoOf(mount, request, path, query, clientAddress);
    const rendered = renderFailure(problem, undefined, mount, info);
    const headers: Headers = {
      ...NOT_KEPT,
      "content-type": JSON_TYPE,
      "x-request-id": info.requestId,
      ...rendered.headers,
    };
    mount.onResponse?.(headers, info);
    answer(response, rendered.status, headers, bodyOf(rendered), request.method === "HEAD");
    releaseBody(request);
    return true;
  }

  function allow(
    mount: Mount,
    methods: readonly string[],
    { path, query }: Target,
    request: HttpRequest,
    response: HttpResponse,
  ): true {
    const info = infoOf(mount, request, path, query, clientAddress);
    const headers: Headers = { ...NOT_KEPT, allow: methods.join(", "), "x-request-id": info.requestId };
    mount.onResponse?.(headers, info);
    answerEmpty(response, 204, headers);
    releaseBody(request);
    return true;
  }

  return {
    routes: routes.map(({ mount, binding }) => ({
      mount: mount.name,
      verb: binding.verb,
      pattern: binding.pattern,
      method: binding.method,
    })),
    handle(request, response) {
      const target = targetOf(request.url);
      if (target === undefined) return false;
      const slash = target.path.length > 1 && target.path.endsWith("/");
      const path = slash ? target.path.slice(0, -1) : target.path;
      const at: Target = { path, query: target.query };
      const bad = pathProblem(path);
      if (bad === undefined) {
        const verb = request.method ?? "";
        const found = router.find(verb, path);
        if (found.kind === "found") {
          const route = chooseRoute(found.routes, headerOf(request, "accept"));
          if (slash && route.mount.trailingSlash !== true)
            return refuse(route.mount, emptySegment(), at, request, response);
          return transcode(route, request, response, found.segments, target.query, path).then(() => true);
        }
        const mount = claimant(path);
        if (mount === undefined) return false;
        if (found.kind === "not_found") {
          return refuse(mount, new RestProblem("not_found", "there is nothing at this path"), at, request, response);
        }
        if (verb === "OPTIONS") return allow(mount, found.allow, at, request, response);
        const allowed = { allow: found.allow.join(", ") };
        return refuse(
          mount,
          new RestProblem("method_not_allowed", `the path takes ${allowed.allow}`, [], allowed),
          at,
          request,
          response,
        );
      }
      const mount = claimant(path);
      return mount === undefined ? false : refuse(mount, bad, at, request, response);
    },
  };
}

/** Segments that a path must not have: an empty one, "." and "..", escaped or not. */
function pathProblem(path: string): RestProblem | undefined {
  if (path.includes("//") || path === "/") return emptySegment();
  if (!/\/(?:\.|%2e)/i.test(path)) return undefined;
  return /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path)
    ? invalid("path", "path", "must not hold . or ..", "dot_segment")
    : undefined;
}

function emptySegment(): RestProblem {
  return invalid("path", "path", "must not have an empty segment", "empty_segment");
}

function infoOf(
  mount: Mount,
  request: HttpRequest,
  path: string,
  query: string,
  clientAddress: ClientAddress,
): CallInfo {
  const given = mount.header?.("x-request-id", request, query) ?? headerOf(request, "x-request-id");
  const requestId = given !== undefined && /^[A-Za-z0-9._:-]{1,128}$/.test(given) ? given : randomUUIDv7();
  const address = clientAddress({ address: addressOf(request), header: (name) => headerOf(request, name) });
  return { verb: request.method ?? "", path, requestId, binding: undefined, call: undefined, address };
}

function methodsOf({ serves }: Mount): DescMethod[] {
  return serves.flatMap((one) => (one.kind === "service" ? one.methods : [one]));
}

function claimsOf(mounts: readonly Mount[], routes: readonly Route[]): Map<string, Mount> {
  const claims = new Map<string, Mount>();
  for (const mount of mounts) {
    const own = mount.basePaths?.map((base) => (mount.prefix ?? "") + base) ?? firstLiterals(mount, routes);
    for (const base of own) claims.set(base, claims.get(base) ?? mount);
  }
  return claims;
}

/** What a mount claims by itself: the prefix, and the first segment after it where that is fixed. */
function firstLiterals(mount: Mount, routes: readonly Route[]): string[] {
  const prefix = mount.prefix ?? "";
  const depth = prefix.split("/").length - 1;
  return routes
    .filter((route) => route.mount === mount)
    .map(({ binding }) => binding.template.segments[depth])
    .flatMap((segment) => (segment?.kind === "literal" ? [`${prefix}/${segment.text}`] : []));
}
