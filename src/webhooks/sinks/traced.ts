// Gives each attempt of a delivery a span that begins a trace: what follows at the receiver belongs to it.
import { WebhookOutcome } from "../../../gen/colloquy/v1/webhook_pb.ts";
import { failureWord, type Tracing } from "../../domain/tracing.ts";
import { outcomeName } from "../outcome-name.ts";
import type { Sink } from "./sink.ts";

export function tracedSink(sink: Sink, { url }: { readonly url: string }, tracing: Tracing): Sink {
  const { protocol, hostname } = new URL(url);
  return {
    async send(parcel, signal) {
      const span = tracing.begin("webhook", {
        kind: "client",
        attributes: {
          // The path and query of a webhook's URL may be secret.
          "url.scheme": protocol.slice(0, -1),
          "server.address": hostname,
          "colloquy.webhook.id": parcel.id,
          "colloquy.webhook.events": parcel.events.length,
        },
      });
      try {
        const result = await span.run(() => sink.send(parcel, signal));
        if (result.status !== 0) span.set({ "http.response.status_code": result.status });
        span.end(result.outcome === WebhookOutcome.SUCCEEDED ? undefined : outcomeName(result.outcome));
        return result;
      } catch (error) {
        span.end(failureWord(error));
        throw error;
      }
    },
    ...(sink.close !== undefined && { close: () => sink.close?.() ?? Promise.resolve() }),
  };
}
