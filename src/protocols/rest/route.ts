// A route: one binding, and how `Accept` selects its format.
import type { Registry } from "@bufbuild/protobuf";
import { HttpBodySchema } from "../../../gen/google/api/httpbody_pb.ts";
import { acceptMedia } from "../http/accept.ts";
import type { Binding } from "./binding/binding.ts";
import { EVENTS_TYPE, JSON_TYPE, NDJSON_TYPE, notAcceptable } from "./binding/media.ts";
import { DEFAULT_MAX_BODY_BYTES, type Mount } from "./binding/mount.ts";
import { createRequestBuilder, type RequestBuilder } from "./request/message.ts";
import { createEventFormat, createLineFormat, createRawFormat, type StreamFormat } from "./response/events.ts";
import type { JsonWriter } from "./response/json-write.ts";

/** A binding with all that serving it takes. */
export interface Route {
  readonly mount: Mount;
  readonly binding: Binding;
  readonly builder: RequestBuilder;
  readonly streamsIn: boolean;
  readonly streamsOut: boolean;
  /** Whether the response is a google.api.HttpBody. */
  readonly rawResponse: boolean;
  /** The formats of a response stream, by media type. */
  readonly formats: Readonly<Record<string, StreamFormat>>;
  readonly maxBodyBytes: number;
}

export function createRoute(mount: Mount, binding: Binding, writer: JsonWriter, registry: Registry | undefined): Route {
  const kind = binding.method.methodKind;
  const { output } = binding.method;
  const answered = binding.responseBody?.fieldKind === "message" ? binding.responseBody.message : output;
  const rawResponse =
    answered.typeName === HttpBodySchema.typeName && (binding.responseBody === undefined || answered !== output);
  return {
    mount,
    binding,
    builder: createRequestBuilder(binding, mount, registry),
    streamsIn: kind === "client_streaming" || kind === "bidi_streaming",
    streamsOut: kind === "server_streaming" || kind === "bidi_streaming",
    rawResponse,
    formats: rawResponse
      ? { "*/*": createRawFormat(binding) }
      : { [NDJSON_TYPE]: createLineFormat(binding, writer), [EVENTS_TYPE]: createEventFormat(binding, writer) },
    maxBodyBytes: mount.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES,
  };
}

/** The format of a response stream; undefined for one message. Throws not_acceptable. */
export function negotiate(route: Route, accept: string | undefined): StreamFormat | undefined {
  if (!route.streamsOut) {
    // RFC 9110 §12.5.1: a server may respond as if there were no Accept, and the servers of lenient mounts do.
    const strict = !route.rawResponse && route.mount.unknown !== "ignore";
    if (strict && acceptMedia(accept, [JSON_TYPE]) === undefined) throw notAcceptable([JSON_TYPE]);
    return undefined;
  }
  if (route.rawResponse) return route.formats["*/*"];
  const type = acceptMedia(accept, [NDJSON_TYPE, EVENTS_TYPE]);
  if (type === undefined) throw notAcceptable([NDJSON_TYPE, EVENTS_TYPE]);
  return route.formats[type];
}

/** Of a unary and a streaming method at one place, the one that `Accept` prefers; on a tie, the unary one. */
export function chooseRoute(routes: readonly Route[], accept: string | undefined): Route {
  const [first, second] = routes as [Route, Route | undefined];
  if (second === undefined) return first;
  const [unary, streaming] = first.streamsOut ? [second, first] : [first, second];
  const type = acceptMedia(accept, [JSON_TYPE, EVENTS_TYPE, NDJSON_TYPE]);
  return type === undefined || type === JSON_TYPE ? unary : streaming;
}
