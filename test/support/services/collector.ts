// A collector of traces: takes OTLP over HTTP as Protobuf, and keeps the spans.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type AnyValue,
  ExportTraceServiceRequestSchema,
  type KeyValue,
} from "../../gen/colloquy/test/otlp/v1/trace_pb.ts";

export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it begins its trace. */
  readonly parentId: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  /** 0 unset, 2 error. */
  readonly status: number;
  readonly statusMessage: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Those of the process. */
  readonly resource: Readonly<Record<string, unknown>>;
}

export interface Collector extends AsyncDisposable {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** The headers of each request. */
  readonly requests: readonly (readonly [path: string, contentType: string | undefined])[];
  /** Everything that came, as text: for what must not be in it. */
  readonly bytes: () => string;
  /** Resolves with the first span that fits, once it has come. */
  span(fits: (span: CollectedSpan) => boolean): Promise<CollectedSpan>;
}

/** @param partial the text of its `partial_success`, with the number of spans that it rejects */
export async function startCollector(partial?: { rejected: number; message: string }): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const requests: (readonly [string, string | undefined])[] = [];
  const bodies: Buffer[] = [];
  let came = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
    requests.push([request.url ?? "", request.headers["content-type"]]);
    bodies.push(body);
    for (const { resource, scopeSpans } of fromBinary(ExportTraceServiceRequestSchema, body).resourceSpans) {
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({
          name: span.name,
          traceId: hex(span.traceId),
          spanId: hex(span.spanId),
          parentId: hex(span.parentSpanId),
          kind: span.kind,
          status: span.status?.code ?? 0,
          statusMessage: span.status?.message ?? "",
          attributes: recordOf(span.attributes),
          resource: recordOf(resource?.attributes ?? []),
        });
      }
    }
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end(partial && partialSuccess(partial));
    came.resolve();
    came = Promise.withResolvers();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    requests,
    bytes: () => Buffer.concat(bodies).toString("latin1"),
    async span(fits) {
      for (;;) {
        const found = spans.find(fits);
        if (found !== undefined) return found;
        await came.promise;
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** An ExportTraceServiceResponse, of numbers and lengths below 128. */
function partialSuccess({ rejected, message }: { rejected: number; message: string }): Buffer {
  const text = Buffer.from(message);
  const inner = Buffer.concat([Buffer.from([0x08, rejected, 0x12, text.length]), text]);
  return Buffer.concat([Buffer.from([0x0a, inner.length]), inner]);
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function recordOf(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, plain(value)]));
}

function plain(value: AnyValue | undefined): unknown {
  switch (value?.value.case) {
    case "arrayValue":
      return value.value.value.values.map(plain);
    case "intValue":
      return Number(value.value.value);
    default:
      return value?.value.value;
  }
}
