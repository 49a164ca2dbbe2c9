// REST as a Connect transport: a second, independent reading of the contract's google.api.http rules, for clients.
import {
  create,
  createRegistry,
  type DescField,
  type DescMessage,
  type DescMethod,
  fromJson,
  getOption,
  type JsonObject,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError, type Transport } from "@connectrpc/connect";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../../gen/google/api/http_pb.ts";
import * as details from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";

const registry = createRegistry(details.file_google_rpc_error_details);

/** A request as REST has it. */
export interface Asked {
  readonly verb: string;
  /** With its query. */
  readonly path: string;
  readonly body: string | undefined;
  /** The media type of a body that is bytes as they are: a google.api.HttpBody, here in base64. */
  readonly rawType?: string;
}

/** Sends every call over REST. Streams come and go as newline-delimited JSON. */
export function createRestTransport(baseUrl: string, headers: Readonly<Record<string, string>>): Transport {
  async function send(method: DescMethod, asked: readonly Asked[], header?: HeadersInit, signal?: AbortSignal) {
    const [first] = asked;
    if (first === undefined) throw new Error("REST cannot say which path a stream of nothing is for");
    const streamsIn = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
    const streamsOut = method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming";
    const sent = new Headers(header);
    for (const [name, value] of Object.entries(headers)) sent.set(name, value);
    if (streamsOut) sent.set("accept", "application/x-ndjson");
    if (first.rawType !== undefined) sent.set("content-type", first.rawType);
    else if (first.body !== undefined)
      sent.set("content-type", streamsIn ? "application/x-ndjson" : "application/json");
    const raw = first.rawType === undefined ? undefined : asked.map((one) => Buffer.from(one.body ?? "", "base64"));
    const text = streamsIn ? asked.map((one) => `${one.body ?? "{}"}\n`).join("") : first.body;
    const body = raw === undefined ? text : Buffer.concat(raw);
    const response = await fetch(baseUrl + first.path, {
      method: first.verb,
      headers: sent,
      body: body ?? null,
      signal: signal ?? null,
    });
    if (!response.ok) throw statusError((await response.json()) as JsonValue, response.headers);
    return response;
  }

  return {
    async unary(method, signal, timeoutMs, header, input) {
      const asked = ask(method, create(method.input, input));
      const response = await send(method, [asked], header, within(timeoutMs, signal));
      const message = answerOf(method, (await response.json()) as JsonValue);
      return {
        stream: false,
        service: method.parent,
        method,
        header: response.headers,
        trailer: new Headers(),
        message,
      } as never;
    },
    async stream(method, signal, _timeoutMs, header, inputs) {
      const asked: Asked[] = [];
      for await (const input of inputs) asked.push(ask(method, create(method.input, input)));
      const response = await send(method, asked, header, signal);
      const answered =
        method.methodKind === "client_streaming"
          ? wholeOf(response)
          : answersRaw(method)
            ? rawOf(response)
            : linesOf(response);
      return {
        stream: true,
        service: method.parent,
        method,
        header: response.headers,
        trailer: new Headers(),
        message: (async function* () {
          for await (const json of answered) yield answerOf(method, json);
        })(),
      } as never;
    },
  };
}

/** A client's own patience, which it does not tell the server of. */
function within(timeoutMs: number | undefined, signal: AbortSignal | undefined): AbortSignal | undefined {
  if (timeoutMs === undefined) return signal;
  const limit = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? limit : AbortSignal.any([signal, limit]);
}

/** Whether the answer is bytes as they are. */
function answersRaw(method: DescMethod): boolean {
  const { responseBody } = getOption(method, http);
  return responseBody !== "" && isRaw(fieldOf(method.output, responseBody));
}

function isRaw(field: DescField): boolean {
  return field.fieldKind === "message" && field.message.typeName === "google.api.HttpBody";
}

async function* rawOf(response: Response): AsyncGenerator<JsonValue> {
  const data = Buffer.from(await response.arrayBuffer()).toString("base64");
  yield { contentType: response.headers.get("content-type") ?? "", data };
}

async function* wholeOf(response: Response): AsyncGenerator<JsonValue> {
  yield (await response.json()) as JsonValue;
}

async function* linesOf(response: Response): AsyncGenerator<JsonValue> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
      const json = JSON.parse(text.slice(0, end)) as JsonObject;
      text = text.slice(end + 1);
      if (json.error !== undefined && Object.keys(json).length === 1) throw statusError(json.error, response.headers);
      yield json;
    }
  }
}

function ask(method: DescMethod, message: Message): Asked {
  return layOut(method, toJson(method.input, message, { registry }) as JsonObject);
}

/** Lays a request in canonical JSON out as its rule says. */
export function layOut(method: DescMethod, request: JsonObject): Asked {
  const rule = getOption(method, http);
  const { verb, pattern } = patternOf(method, rule);
  const json = { ...request };
  const path = pattern.replace(/\{([^}=]+)(?:=[^}]*)?\}/g, (_, name: string) => {
    const field = fieldOf(method.input, name);
    const value = json[field.jsonName];
    delete json[field.jsonName];
    return encodeURIComponent(String(value ?? ""));
  });
  if (rule.body === "*") return { verb, path, body: JSON.stringify(json) };
  let body: string | undefined;
  let rawType: string | undefined;
  if (rule.body !== "") {
    const field = fieldOf(method.input, rule.body);
    const raw = isRaw(field) ? (json[field.jsonName] as JsonObject | undefined) : undefined;
    if (isRaw(field)) rawType = String(raw?.contentType ?? "application/octet-stream");
    body = isRaw(field) ? String(raw?.data ?? "") : JSON.stringify(json[field.jsonName] ?? {});
    delete json[field.jsonName];
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(json)) {
    const field = method.input.fields.find(({ jsonName }) => jsonName === name);
    if (field?.fieldKind === "map") {
      for (const [key, item] of Object.entries(value as JsonObject)) addParameter(query, `${name}[${key}]`, item);
    } else addParameter(query, name, value);
  }
  const asked = { verb, path: query.size === 0 ? path : `${path}?${query}`, body };
  return rawType === undefined ? asked : { ...asked, rawType };
}

function addParameter(query: URLSearchParams, name: string, value: JsonValue): void {
  if (Array.isArray(value)) for (const item of value) addParameter(query, name, item);
  else if (typeof value === "object" && value !== null) {
    for (const [key, inner] of Object.entries(value)) addParameter(query, `${name}.${key}`, inner);
  } else query.append(name, String(value));
}

function patternOf(method: DescMethod, { pattern }: HttpRule): { verb: string; pattern: string } {
  if (pattern.case === undefined) throw new Error(`${method} has no google.api.http rule`);
  if (pattern.case === "custom") return { verb: pattern.value.kind, pattern: pattern.value.path };
  return { verb: pattern.case.toUpperCase(), pattern: pattern.value };
}

function fieldOf(desc: DescMessage, name: string): DescField {
  const field = desc.fields.find((one) => one.name === name);
  if (field === undefined) throw new Error(`${desc.typeName} has no field ${name}`);
  return field;
}

function answerOf(method: DescMethod, json: JsonValue) {
  const { responseBody } = getOption(method, http);
  if (responseBody === "") return fromJson(method.output, json, { registry });
  return fromJson(method.output, { [fieldOf(method.output, responseBody).jsonName]: json }, { registry });
}

function statusError(json: JsonValue, headers: Headers): ConnectError {
  const status = fromJson(StatusSchema, json, { registry });
  const error = new ConnectError(status.message, status.code, headers);
  for (const any of status.details) {
    const detail = anyUnpack(any, registry);
    const desc = detail && registry.getMessage(detail.$typeName);
    if (desc === undefined) throw new Error(`an unknown detail ${any.typeUrl}`);
    error.details.push({ type: desc.typeName, value: toBinary(desc, detail as never) });
  }
  return error;
}
