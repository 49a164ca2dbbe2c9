// Makes the sink of an endpoint, by the scheme of its URL.
import type { Tracing } from "../../domain/tracing.ts";
import { createAddressGuard } from "../../outbound/addresses.ts";
import { createHttpSinks, type HttpTarget } from "./http.ts";
import { createNatsSink } from "./nats.ts";
import { AddressRefused } from "./refused.ts";
import type { Sink } from "./sink.ts";
import { tracedSink } from "./traced.ts";

export interface Sinks {
  sinkOf(target: HttpTarget): Sink;
  close(): Promise<void>;
}

export interface SinksOptions {
  readonly allowPrivate: boolean;
  readonly userAgent: string;
  /** Undefined: deliveries are not traced. */
  readonly tracing?: Tracing | undefined;
}

export function createSinks({ allowPrivate, userAgent, tracing }: SinksOptions): Sinks {
  const guard = allowPrivate ? undefined : createAddressGuard(() => new AddressRefused());
  const http = createHttpSinks({ guard, userAgent, extraHeaders: tracing && (() => tracing.headers()) });
  const open = (target: HttpTarget) =>
    target.url.startsWith("nats:") ? createNatsSink(target, guard) : http.sinkOf(target);
  return {
    sinkOf: (target) => (tracing === undefined ? open(target) : tracedSink(open(target), target, tracing)),
    close: () => http.close(),
  };
}
