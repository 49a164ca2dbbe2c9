// Puts a bent message on a wire, and bends what goes with it: headers, framing, compression, credentials.
import { brotliCompressSync, gzipSync } from "node:zlib";
import {
  type DescMethod,
  fromJson,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  toBinary,
} from "@bufbuild/protobuf";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import type { Random } from "../stage/random.ts";
import { almostMessage, bend, bendBytes, type Known } from "./almost.ts";

export interface FuzzRequest {
  readonly http: "1.1" | "2";
  readonly verb: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** In which words an error must come. */
  readonly tongue: "connect" | "connect stream" | "grpc" | "grpc-web" | "rest";
  /** What was bent, for whoever reads a finding. */
  readonly method: string;
}

const HEADERS: readonly (readonly [string, readonly string[]])[] = [
  ["connect-timeout-ms", ["1000", "0", "-1", "1.5", "99999999999", "x", "1e3"]],
  ["grpc-timeout", ["1S", "0n", "1", "123456789S", "1X", "-1S", "99999999H"]],
  ["x-server-timeout", ["1", "0", "-1", "1e9", "x", "NaN"]],
  ["content-encoding", ["gzip", "br", "identity", "zstd", "gzip, gzip", ""]],
  ["grpc-encoding", ["gzip", "br", "identity", "snappy", ""]],
  ["accept-encoding", ["gzip", "br;q=0", "*", "zstd", "identity;q=0"]],
  ["accept", ["application/json", "text/html", "text/event-stream", "*/*;q=0", "x", ""]],
  ["connect-protocol-version", ["1", "2", "x"]],
  ["idempotency-key", ["k", "x".repeat(128), "x".repeat(129), "a b", "é"]],
  ["if-match", ['"1.0"', "*", 'W/"1"', "x", '""']],
  ["if-none-match", ['"1.0"', "*", "x"]],
  ["x-request-id", ["mine", "x".repeat(200), "a b"]],
  ["x-act-for", ["nobody", "", "x".repeat(129), "a|b"]],
  ["accept-language", ["de", "x".repeat(500)]],
  ["range", ["bytes=0-1"]],
  ["expect", ["200-ok"]],
  ["last-event-id", ["1", "x"]],
  ["transfer-coding", ["x"]],
];

export function drawRequest(
  methods: readonly DescMethod[],
  random: Random,
  known: Known,
  credential: string,
): FuzzRequest {
  const method = random.pick(methods);
  const wild = random.pick([0.01, 0.03, 0.1, 0.5]);
  const json = almostMessage(method.input, random, { ...known, wild });
  const stream = method.methodKind !== "unary";
  const tongue = random.pick(
    hasOption(method, http) && !stream
      ? (["connect", "connect", "grpc", "grpc-web", "rest", "rest"] as const)
      : ([stream ? "connect stream" : "connect", "grpc", "grpc-web"] as const),
  );
  const named = { tongue, method: `${method.parent.typeName}/${method.name}` };
  const base = tongue === "rest" ? restRequest(method, json, random) : rpcRequest(method, json, tongue, random);
  const headers: Record<string, string> = { ...base.headers, ...credentialFor(credential, random) };
  for (let extra = random.pick([0, 0, 0, 1, 2]); extra > 0; extra--) {
    const [name, values] = random.pick(HEADERS);
    headers[name] = random.pick(values);
  }
  return { ...named, ...base, headers };
}

function credentialFor(credential: string, random: Random): Record<string, string> {
  if (random.chance(0.85)) return { authorization: `Bearer ${credential}` };
  const bent = bend(credential, random).replace(/[^\x20-\x7e]/g, "");
  return random.pick<Record<string, string>>([
    {},
    { authorization: `Bearer ${bent}` },
    { authorization: bent },
    { authorization: "Bearer" },
    { authorization: "Basic eDp5" },
    { authorization: "Bearer eyJhbGciOiJub25lIn0.e30." },
    { authorization: `Bearer ${"eyJhbGciOiJFUzI1NiJ9.".repeat(50)}` },
    { "x-api-key": credential },
    { "x-api-key": bent, authorization: `Bearer ${credential}` },
  ]);
}

type Laid = Pick<FuzzRequest, "http" | "verb" | "path" | "headers" | "body"> & Partial<Pick<FuzzRequest, "tongue">>;

function rpcRequest(method: DescMethod, json: JsonValue, tongue: FuzzRequest["tongue"], random: Random): Laid {
  const path = `/${method.parent.typeName}/${method.name}`;
  const asJson = random.chance(0.6);
  let message = asJson ? Buffer.from(JSON.stringify(json)) : binaryOf(method, json, random);
  if (random.chance(0.2)) message = bendBytes(message, random);
  const format = asJson ? "json" : "proto";
  const enveloped = tongue !== "connect";
  const type = {
    connect: `application/${format}`,
    "connect stream": `application/connect+${format}`,
    grpc: `application/grpc+${format}`,
    "grpc-web": `application/grpc-web+${format}`,
    rest: "",
  }[tongue];
  const headers: Record<string, string> = { "content-type": type, te: "trailers" };
  let flags = 0;
  if (random.chance(0.1)) {
    const pack = random.pick(["gzip", "br"] as const);
    message = pack === "gzip" ? gzipSync(message) : brotliCompressSync(message);
    headers[
      tongue === "connect"
        ? "content-encoding"
        : tongue === "connect stream"
          ? "connect-content-encoding"
          : "grpc-encoding"
    ] = pack;
    flags = 1;
  }
  let body = enveloped ? envelope(message, flags, random) : message;
  if (enveloped && random.chance(0.1)) body = bendBytes(body, random);
  if (random.chance(0.03))
    headers["content-type"] = random.pick([
      "application/xml",
      "application/grpc+x",
      "text/plain",
      "application/json; charset=latin1",
      "",
    ]);
  const verb = random.chance(0.97) ? "POST" : random.pick(["GET", "PUT", "DELETE", "OPTIONS", "HEAD"]);
  // A server answers in the protocol that the type names.
  const asked = /^application\/grpc\+/.test(headers["content-type"] ?? "") ? "grpc" : tongue;
  return { http: tongue === "grpc" ? "2" : random.pick(["1.1", "2"]), verb, path, headers, body, tongue: asked };
}

/** In binary only what JSON can say of the type; where it cannot, bytes of its own. */
function binaryOf(method: DescMethod, json: JsonValue, random: Random): Buffer {
  try {
    return Buffer.from(toBinary(method.input, fromJson(method.input, json, { ignoreUnknownFields: true })));
  } catch {
    return Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)));
  }
}

function envelope(message: Buffer, flags: number, random: Random): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(random.chance(0.95) ? flags : random.below(256));
  const lie = random.chance(0.05) ? random.pick([0, 1, 2 ** 31, 2 ** 32 - 1]) : message.length;
  head.writeUInt32BE(lie, 1);
  return Buffer.concat([head, message]);
}

function restRequest(method: DescMethod, json: JsonValue, random: Random): Laid {
  const { pattern, body } = getOption(method, http);
  const fields: JsonObject = typeof json === "object" && json !== null && !Array.isArray(json) ? { ...json } : {};
  const value = (name: string): string => {
    const camel = name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const found = fields[camel] ?? fields[name] ?? "x";
    delete fields[camel];
    delete fields[name];
    return typeof found === "object" ? JSON.stringify(found) : String(found);
  };
  let path = String(pattern.value).replace(/\{(\w+)(?:=[^}]*)?\}/g, (_, name: string) => segment(value(name), random));
  let text = "";
  if (body === "*") text = JSON.stringify(fields);
  else {
    if (body !== "") text = JSON.stringify(fields[body] ?? {});
    const query = Object.entries(fields)
      .filter(([name]) => name !== body)
      .map(
        ([name, v]) =>
          `${segment(name, random)}=${segment(typeof v === "object" ? JSON.stringify(v) : String(v), random)}`,
      );
    if (query.length > 0) path += `?${query.join("&")}`;
  }
  if (random.chance(0.05)) path = bend(path, random).replace(/[^\x21-\x7e]/g, "") || "/";
  if (!path.startsWith("/")) path = `/${path}`;
  let bytes = Buffer.from(text);
  if (bytes.length > 0 && random.chance(0.15)) bytes = bendBytes(bytes, random) as Buffer<ArrayBuffer>;
  const headers: Record<string, string> =
    bytes.length > 0 ? { "content-type": random.chance(0.97) ? "application/json" : "text/plain" } : {};
  const verb = random.chance(0.97)
    ? (pattern.case ?? "post").toUpperCase()
    : random.pick(["GET", "POST", "PATCH", "DELETE"]);
  return { http: random.pick(["1.1", "2"]), verb, path: path.slice(0, 8_000), headers, body: bytes };
}

function segment(text: string, random: Random): string {
  const encoded = encodeURIComponent(text.toWellFormed());
  return random.chance(0.97) ? encoded : bend(encoded, random).replace(/[^\x21-\x7e]/g, "");
}
