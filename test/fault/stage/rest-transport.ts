// REST as one more transport: turns a typed unary call into the request that its google.api.http binding says.
import {
  create,
  createRegistry,
  type DescMessage,
  type DescMethodUnary,
  fromJson,
  getOption,
  type JsonObject,
  type JsonValue,
  type MessageInitShape,
  type MessageShape,
  toJson,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";

const DETAILS = createRegistry(BadRequestSchema, ErrorInfoSchema, RetryInfoSchema);

/** Serves unary methods only. `headers` go with every call. */
export function createRestTransport(baseUrl: string, headers: Readonly<Record<string, string>>): Transport {
  return {
    async unary<I extends DescMessage, O extends DescMessage>(
      method: DescMethodUnary<I, O>,
      signal: AbortSignal | undefined,
      timeoutMs: number | undefined,
      header: HeadersInit | undefined,
      input: MessageInitShape<I>,
    ): Promise<UnaryResponse<I, O>> {
      const { verb, path, body } = requestOf(method, create(method.input, input));
      const sent = new Headers(header);
      for (const [name, value] of Object.entries(headers)) sent.set(name, value);
      if (timeoutMs !== undefined) sent.set("connect-timeout-ms", String(timeoutMs));
      if (body !== undefined) sent.set("content-type", "application/json");
      const response = await fetch(`${baseUrl}${path}`, {
        method: verb,
        headers: sent,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
      }).catch((error: Error) => {
        const code = signal?.aborted ? Code.Canceled : Code.Unavailable;
        throw new ConnectError(`no answer: ${String(error.cause ?? error)}`, code);
      });
      const text = await response.text().catch((error: Error) => {
        throw new ConnectError(`the answer broke off: ${error.message}`, Code.Unavailable);
      });
      const json = text === "" ? {} : (JSON.parse(text) as JsonValue);
      if (!response.ok) throw errorOf(json as JsonObject);
      const { responseBody } = getOption(method, http);
      const whole = responseBody === "" ? json : { [responseBody]: json };
      return {
        stream: false,
        service: method.parent,
        method,
        header: response.headers,
        trailer: new Headers(),
        message: fromJson(method.output, whole),
      };
    },
    stream: () => Promise.reject(new ConnectError("this transport serves unary methods only", Code.Unimplemented)),
  };
}

function requestOf<I extends DescMessage>(method: DescMethodUnary<I>, message: MessageShape<I>) {
  const { pattern, body } = getOption(method, http);
  const verb = (pattern.case ?? "post").toUpperCase();
  const json = toJson(method.input, message, { useProtoFieldName: true }) as JsonObject;
  const path = String(pattern.value).replace(/\{(\w+)\}/g, (_, field: string) => {
    const value = json[field];
    delete json[field];
    return encodeURIComponent(String(value ?? ""));
  });
  if (body === "*") return { verb, path, body: json };
  const part = body === "" ? undefined : (json[body] ?? {});
  if (body !== "") delete json[body];
  const query = new URLSearchParams(
    Object.entries(json).flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)] as [string, string]),
    ),
  );
  return { verb, path: query.size > 0 ? `${path}?${query}` : path, body: part };
}

/** google.rpc.Status in JSON. */
function errorOf({ code, message, details }: JsonObject): ConnectError {
  const known = (Array.isArray(details) ? details : []).flatMap((detail) => {
    const { "@type": type, ...value } = detail as JsonObject;
    const desc = DETAILS.getMessage(String(type).replace("type.googleapis.com/", ""));
    return desc === undefined ? [] : [{ desc, value: fromJson(desc, value) }];
  });
  return new ConnectError(String(message), Number(code) as Code, undefined, known);
}
