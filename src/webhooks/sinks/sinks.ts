// Makes the sink of an endpoint, by the scheme of its URL.
import type { Tracing } from "../../domain/tracing.ts";
import { createAddressGuard } from "../../outbound/addresses.ts";
import type { HttpSinks, HttpTarget } from "./http.ts";
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
  let opening: Promise<HttpSinks> | undefined;
  /** From the first delivery on: undici is a tenth of all that a server loads. */
  const http = () => {
    opening ??= import("./http.ts").then(({ createHttpSinks }) =>
      createHttpSinks({ guard, userAgent, extraHeaders: tracing && (() => tracing.headers()) }),
    );
    return opening;
  };
  const httpSink = (target: HttpTarget): Sink => ({
    send: async (parcel, signal) => (await http()).sinkOf(target).send(parcel, signal),
  });
  const open = (target: HttpTarget) =>
    target.url.startsWith("nats:") ? createNatsSink(target, guard) : httpSink(target);
  return {
    sinkOf: (target) => (tracing === undefined ? open(target) : tracedSink(open(target), target, tracing)),
    close: async () => {
      await (await opening)?.close();
    },
  };
}
