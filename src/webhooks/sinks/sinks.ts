// Makes the sink of an endpoint, by the scheme of its URL.
import { createAddressGuard } from "../../outbound/addresses.ts";
import { createHttpSinks, type HttpTarget } from "./http.ts";
import { createNatsSink } from "./nats.ts";
import { AddressRefused } from "./refused.ts";
import type { Sink } from "./sink.ts";

export interface Sinks {
  sinkOf(target: HttpTarget): Sink;
  close(): Promise<void>;
}

export interface SinksOptions {
  readonly allowPrivate: boolean;
  readonly userAgent: string;
}

export function createSinks({ allowPrivate, userAgent }: SinksOptions): Sinks {
  const guard = allowPrivate ? undefined : createAddressGuard(() => new AddressRefused());
  const http = createHttpSinks({ guard, userAgent });
  return {
    sinkOf: (target) => (target.url.startsWith("nats:") ? createNatsSink(target, guard) : http.sinkOf(target)),
    close: () => http.close(),
  };
}
