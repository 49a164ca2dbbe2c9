// Endpoints for operators and load balancers: /healthz, /readyz, /metrics.

import type { Lifecycle } from "../../pipeline/lifecycle.ts";
import type { HttpHandler } from "../../protocols/http/request.ts";
import { answer } from "../../protocols/http/response.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

export interface OperationsOptions {
  /** Whether the server can do its work now. A failure counts as no. */
  readonly ready: () => Promise<boolean>;
  readonly lifecycle: Lifecycle;
  /** For `/metrics`. Default: the path does not exist. */
  readonly metrics?: Metrics | undefined;
}

const TEXT = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

/** Handlers by exact path; each takes GET and HEAD. */
export function createOperations({ ready, lifecycle, metrics }: OperationsOptions): ReadonlyMap<string, HttpHandler> {
  const isReady = async () => !lifecycle.isLeaving && (await ready().catch(() => false));
  const options: HttpHandler = async (request, response) => {
    if (request.method !== "OPTIONS") return false;
    const allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    answer(response, (await isReady()) ? 200 : 503, { "cache-control": "no-store", allow });
    return true;
  };
  const places: [string, HttpHandler][] = [
    // What load balancers send by default (HAProxy's `option httpchk` is `OPTIONS /`): whether this server takes calls.
    ["/", options],
    ["*", options],
    // The process lives. That it can work is what /readyz says.
    ["/healthz", readOnly(async () => ({ status: 200, body: "ok\n" }))],
    [
      "/readyz",
      readOnly(async () => {
        if (await isReady()) return { status: 200, body: "ready\n" };
        return { status: 503, body: lifecycle.isLeaving ? "draining\n" : "not ready\n" };
      }),
    ],
  ];
  if (metrics !== undefined) {
    const text = createSharedText(metrics.text);
    const page = async () => ({ status: 200, body: await text(), type: metrics.registry.contentType });
    places.push(["/metrics", readOnly(page)]);
  }
  return new Map(places);
}

/** How often in a second the metrics are written out: it takes milliseconds, and anyone may ask. */
const MAX_TEXTS = 4;

/** The text, made at most {@link MAX_TEXTS} times a second. Those that ask meanwhile share one in memory. */
function createSharedText(make: () => Promise<string>): () => Promise<Buffer> {
  let made: Promise<Buffer> | undefined;
  let second = Number.NEGATIVE_INFINITY;
  let left = 0;
  let making = false;
  return () => {
    const now = performance.now();
    if (now - second >= 1000) {
      second = now;
      left = MAX_TEXTS;
    }
    if (made !== undefined && (making || left === 0)) return made;
    left--;
    making = true;
    made = make()
      .then((text) => Buffer.from(text))
      .catch((error: unknown) => {
        made = undefined;
        throw error;
      })
      .finally(() => {
        making = false;
      });
    return made;
  };
}

function readOnly(page: () => Promise<{ status: number; body: string | Buffer; type?: string }>): HttpHandler {
  return async (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      answer(response, 405, { ...TEXT, allow: "GET, HEAD" }, "method not allowed\n");
      return true;
    }
    const { status, body, type } = await page();
    answer(response, status, type === undefined ? TEXT : { ...TEXT, "content-type": type }, body);
    return true;
  };
}
