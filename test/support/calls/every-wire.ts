// One call on any wire, bytes in and bytes out, to compare responses byte by byte.
import { Agent, request as httpRequest } from "node:http";
import { type ClientHttp2Session, connect } from "node:http2";
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type JsonObject,
  type JsonValue,
  type MessageShape,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { type Binding, bindingsOf } from "../../../src/protocols/rest/binding/binding.ts";
import { frame } from "./raw-call.ts";

export const EVERY_WIRE = ["connect", "grpc", "grpc-web", "rest"] as const;
export type EveryWire = (typeof EVERY_WIRE)[number];

/** An answer, with everything in it that may not differ between two answers. */
export interface Comparable {
  /** `ok`, or the reason of the failure, such as `NOT_FOUND`. */
  readonly outcome: string;
  /** Status, headers and trailers without `date`, and the body, in Latin-1. */
  readonly bytes: string;
}

export interface WireCaller {
  /** All calls of a method on a wire: one, or on REST as many as it has bindings. */
  call(
    wire: EveryWire,
    method: DescMethod,
    message: MessageShape<DescMessage>,
    headers: Readonly<Record<string, string>>,
  ): Promise<Comparable[]>;
  close(): void;
}

interface Raw {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** The end of a Connect stream that has no error: flags 2, and an empty JSON object. */
const END = frame(Buffer.from("{}"), 2);

function isConnectStream(headers: Raw["headers"]): boolean {
  return /^application\/connect\+/.test(String(headers["content-type"]));
}

/** `prefixOf`: what a server was told to put in front of a method's REST paths. */
export function createWireCaller(url: string, prefixOf: (method: DescMethod) => string = () => ""): WireCaller {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  let session: ClientHttp2Session | undefined;

  const http1 = (verb: string, path: string, headers: Readonly<Record<string, string>>, body?: Buffer | string) =>
    new Promise<Raw>((resolve, reject) => {
      const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
      const sending = httpRequest(`${url}${path}`, { agent, method: verb, headers: { ...headers, ...length } });
      sending.on("error", reject);
      sending.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => {
          chunks.push(chunk);
          // A Connect stream may go on for ever: its first message says that it was let in. A 2 begins its end.
          if (!isConnectStream(response.headers) || chunks[0]?.[0] === 2) return;
          resolve({ status: response.statusCode ?? 0, headers: response.headers, trailers: {}, body: END });
          sending.destroy();
        });
        response.on("error", reject);
        response.on("end", () => {
          const { statusCode = 0, headers: answered, trailers } = response;
          resolve({ status: statusCode, headers: answered, trailers, body: Buffer.concat(chunks) });
        });
      });
      sending.end(body);
    });

  const http2 = (path: string, headers: Readonly<Record<string, string>>, body: Buffer) =>
    new Promise<Raw>((resolve, reject) => {
      session ??= connect(url);
      const stream = session.request({ ":method": "POST", ":path": path, ...headers });
      const chunks: Buffer[] = [];
      let answered: Raw["headers"] = {};
      let trailers: Raw["headers"] = {};
      stream.on("response", (h) => (answered = h as Raw["headers"]));
      stream.on("trailers", (h) => (trailers = h as Raw["headers"]));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("end", () => {
        resolve({ status: Number(answered[":status"]), headers: answered, trailers, body: Buffer.concat(chunks) });
      });
      stream.end(body);
    });

  return {
    async call(wire, method, message, headers) {
      const path = `/${method.parent.typeName}/${method.name}`;
      switch (wire) {
        case "connect": {
          const json = JSON.stringify(toJson(method.input, message));
          const streams = method.methodKind !== "unary";
          const format = streams ? "application/connect+json" : "application/json";
          const type = { ...headers, "content-type": format, "connect-protocol-version": "1" };
          return [comparable(wire, await http1("POST", path, type, streams ? frame(Buffer.from(json)) : json))];
        }
        case "grpc": {
          const type = { ...headers, "content-type": "application/grpc+proto", te: "trailers" };
          return [comparable(wire, await http2(path, type, frame(toBinary(method.input, message))))];
        }
        case "grpc-web": {
          const type = { ...headers, "content-type": "application/grpc-web+proto" };
          return [comparable(wire, await http1("POST", path, type, frame(toBinary(method.input, message))))];
        }
        case "rest": {
          const answers: Comparable[] = [];
          for (const binding of bindingsOf(method, prefixOf(method))) {
            const { target, body } = restRequest(binding, toJson(method.input, message) as JsonObject);
            const type = body === undefined ? headers : { ...headers, "content-type": "application/json" };
            const text = body === undefined ? undefined : JSON.stringify(body);
            answers.push(comparable(wire, await http1(binding.verb, target, type, text)));
          }
          return answers;
        }
      }
    },
    close() {
      agent.destroy();
      session?.close();
    },
  };
}

/** Writes a message as a REST client would: path, query and body after its binding. */
function restRequest({ pattern, body, method }: Binding, json: JsonObject): { target: string; body?: JsonValue } {
  const rest = { ...json };
  const jsonName = (name: string) => method.input.fields.find((field) => field.name === name)?.jsonName ?? name;
  const path = pattern.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[jsonName(name)];
    delete rest[jsonName(name)];
    return encodeURIComponent(String(value ?? ""));
  });
  if (body.kind === "all") return { target: path, body: rest };
  let content: JsonValue | undefined;
  if (body.kind === "field") {
    content = rest[body.field.jsonName] ?? {};
    delete rest[body.field.jsonName];
  }
  const query = new URLSearchParams(Object.entries(rest).flatMap(([name, value]) => flatten(name, value))).toString();
  const target = query === "" ? path : `${path}?${query}`;
  return content === undefined ? { target } : { target, body: content };
}

function flatten(name: string, value: JsonValue): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((item) => flatten(name, item));
  if (typeof value !== "object" || value === null) return [[name, String(value)]];
  return Object.entries(value).flatMap(([inner, item]) => flatten(`${name}.${inner}`, item));
}

// A date passes while we compare; the counters of rate limits are switched off.
const VARYING = new Set(["date"]);

function comparable(wire: EveryWire, raw: Raw): Comparable {
  const lines = [raw.headers, raw.trailers].map((fields) =>
    Object.entries(fields)
      .filter(([name]) => !VARYING.has(name))
      .map(([name, value]) => `${name}: ${String(value)}`)
      .sort()
      .join("\n"),
  );
  return { outcome: outcomeOf(wire, raw), bytes: [raw.status, ...lines, raw.body.toString("latin1")].join("\n\n") };
}

function outcomeOf(wire: EveryWire, { status, headers, trailers, body }: Raw): string {
  if (isConnectStream(headers)) {
    // The last frame ends the stream, with an error or without.
    const end = body.toString().slice(body.toString().lastIndexOf("\u0002\u0000") + 5);
    return end.includes('"error"') ? (reasonIn(JSON.stringify(JSON.parse(end).error)) ?? end) : "ok";
  }
  if (wire === "connect" || wire === "rest") {
    if (status >= 200 && status < 300) return "ok";
    return reasonIn(body.toString()) ?? `status ${status}: ${body.toString().slice(0, 200)}`;
  }
  const inBody = /grpc-status-details-bin: ?([^\r\n]+)/i.exec(body.toString("latin1"))?.[1];
  const details = headers["grpc-status-details-bin"] ?? trailers["grpc-status-details-bin"] ?? inBody;
  const code =
    headers["grpc-status"] ?? trailers["grpc-status"] ?? /grpc-status: ?(\d+)/i.exec(body.toString("latin1"))?.[1];
  if (code === "0") return "ok";
  const info = details === undefined ? [] : fromBinary(StatusSchema, Buffer.from(String(details), "base64")).details;
  for (const { typeUrl, value } of info) {
    if (typeUrl.endsWith(ErrorInfoSchema.typeName)) return fromBinary(ErrorInfoSchema, value).reason;
  }
  return `code ${String(code)}`;
}

/** Connect writes a detail as base64, REST as JSON. */
function reasonIn(text: string): string | undefined {
  const plain = /"reason":\s*"([A-Z_]+)"/.exec(text)?.[1];
  if (plain !== undefined) return plain;
  const json = JSON.parse(text || "{}") as { details?: { type: string; value: string }[] };
  const info = json.details?.find(({ type }) => type === ErrorInfoSchema.typeName);
  return info && fromBinary(ErrorInfoSchema, Buffer.from(info.value, "base64")).reason;
}

/** A message of any kind from what a case says. */
export function messageOf(schema: DescMessage, init: object): MessageShape<DescMessage> {
  return create(schema, init as never);
}
