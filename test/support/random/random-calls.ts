// Random and adversarial unary calls of the echo service; the same seed gives the same call.
import { brotliCompressSync, gzipSync } from "node:zlib";
import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ErrorReason } from "../../../src/domain/errors.ts";
import { type EchoRequest, EchoRequestSchema, PeekRequestSchema } from "../../gen/colloquy/test/v1/echo_pb.ts";
import { frame } from "../calls/raw-call.ts";
import { TOKEN } from "../servers/echo-server.ts";

export interface RandomCall {
  readonly http: "1.1" | "2";
  readonly verb: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

const SERVICE = "/colloquy.test.v1.EchoService";
export const REASONS = Object.keys(ErrorReason).filter((name) => Number.isNaN(Number(name)));

/** Mulberry32: small, and good enough to pick with. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Picker {
  readonly next: () => number;
  constructor(seed: number) {
    this.next = createRandom(seed);
  }
  below(end: number): number {
    return Math.floor(this.next() * end);
  }
  chance(of: number): boolean {
    return this.next() < of;
  }
  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

export const WORDS = [
  "",
  "a",
  "grüße 👋",
  "\u0000",
  "\ud800",
  '"\\/\b',
  "x".repeat(900),
  "lorem ipsum ".repeat(200),
  "é\u2028",
];
const JSON_BODIES = [
  ...["", "{}", "null", "[]", "1", '"x"', "{", '{"text":1}', '{"text":"a","text":"b"}', '{"unknown":{"deep":[1]}}'],
  ...['{"number":"9223372036854775808"}', '{"number":1.5}', '{"number":"-5"}', '{"data":"AP8"}', '{"data":"*"}'],
  ...[
    '{"ratio":"NaN"}',
    '{"ratio":1e400}',
    '{"metadata":{"a":1e999}}',
    '{"metadata":[]}',
    '{"nested":{"word":"a","value":1}}',
  ],
  ...[
    '{"tags":[null]}',
    '{"labels":{"a":null}}',
    '{"request_id":"a"}',
    '{"requestId":"b c"}',
    '\ufeff{"text":"bom"}',
    '{"behave":"header"} ',
  ],
];

function echo(pick: Picker): EchoRequest {
  const behave = pick.one([
    "",
    "",
    "",
    "",
    "header",
    "missing",
    "crash",
    "long",
    `fail:${pick.one(REASONS)}`,
    "x".repeat(101),
  ]);
  return create(EchoRequestSchema, {
    text: pick.one(WORDS),
    data: pick.bytes(pick.one([0, 1, 5, 2000])),
    number: BigInt(pick.below(2 ** 40)) - 2n ** 39n,
    behave,
    ...(pick.chance(0.3) && { metadata: { a: [1, "zwei", null, { b: true }], ["__proto__"]: pick.one(WORDS) } }),
    ...(pick.chance(0.2) && { requestId: pick.one(["k", "with space", "x".repeat(129)]) }),
    ...(pick.chance(0.2) && {
      nested: { children: [{ text: "c" }, { choice: { case: "word" as const, value: "w" } }] },
    }),
    ...(pick.chance(0.2) && { ratio: pick.one([0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) }),
    ...(pick.chance(0.2) && { labels: { x: "y" }, tags: ["t", ""] }),
  } as MessageInitShape<typeof EchoRequestSchema>);
}

/** The bytes of a request, and whether its fields make a proper message. */
function messageOf(pick: Picker, method: string, json: boolean): Buffer {
  if (json && pick.chance(0.25)) return Buffer.from(pick.one(JSON_BODIES));
  const bytes = proper(pick, method, json);
  if (!pick.chance(0.15)) return bytes;
  const at = pick.below(bytes.length + 1);
  return pick.one([
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes, pick.bytes(3)]),
    () => Buffer.concat([bytes.subarray(0, at), pick.bytes(2), bytes.subarray(at)]),
    () => pick.bytes(20),
    () => Buffer.alloc(70_000, 0x61),
  ])();
}

function proper(pick: Picker, method: string, json: boolean): Buffer {
  if (method === "Peek") {
    const peek = create(PeekRequestSchema, { text: pick.one(["a", "", "ü?&=#+% ", "x".repeat(101), "x"]) });
    return Buffer.from(json ? toJsonString(PeekRequestSchema, peek) : toBinary(PeekRequestSchema, peek));
  }
  const message = echo(pick);
  return Buffer.from(json ? toJsonString(EchoRequestSchema, message) : toBinary(EchoRequestSchema, message));
}

export function compressed(pick: Picker, name: string | undefined, bytes: Buffer): Buffer {
  if (pick.chance(0.05)) return bytes;
  const made = name === "gzip" ? gzipSync(bytes) : name === "br" ? brotliCompressSync(bytes) : bytes;
  return pick.chance(0.05) ? made.subarray(0, pick.below(made.length + 1)) : made;
}

export const COMPRESSIONS = [undefined, undefined, undefined, "gzip", "br", "identity", "zstd", "GZIP", ""];
export const ACCEPTED = [undefined, undefined, "gzip", "br", "identity", "", "br;q=1, gzip", "deflate,br , gzip", "*"];

export function commonHeaders(pick: Picker, seed: number): Record<string, string> {
  const headers: Record<string, string> = { "x-request-id": pick.one([`id-${seed}`, `id-${seed}`, `a.b:${seed}`]) };
  const credential = pick.one([
    `Bearer ${TOKEN}`,
    `Bearer ${TOKEN}`,
    `Bearer ${TOKEN}`,
    `Bearer ${TOKEN}`,
    "Bearer bad",
    undefined,
  ]);
  if (credential !== undefined) headers.authorization = credential;
  if (pick.chance(0.1)) headers["idempotency-key"] = pick.one(["k", "other", " ", "x".repeat(200)]);
  if (pick.chance(0.1)) headers.origin = pick.one(["http://localhost:3000", "https://evil.example"]);
  return headers;
}

export function put(headers: Record<string, string>, name: string, value: string | undefined): void {
  if (value !== undefined) headers[name] = value;
}

/** Makes a call. */
export function randomCall(seed: number): RandomCall {
  const pick = new Picker(seed);
  const http = pick.one(["1.1", "2"] as const);
  const method = pick.one(["Echo", "Echo", "Echo", "Peek", "Peek", "Repeat", "Nothing"]);
  const headers = commonHeaders(pick, seed);
  const target = `${SERVICE}/${method}${pick.chance(0.05) ? "?a=b" : ""}`;
  const kind = pick.one(["connect", "connect", "get", "grpc", "grpc-web"] as const);
  if (kind === "get") return getCall(pick, http, method, headers);
  // HTTP/1.1 cannot carry the trailers of gRPC; it is refused or served, but no lane for either.
  const protocol = kind === "grpc" && http === "1.1" ? "grpc-web" : kind;
  const json = pick.chance(0.5);
  const verb = pick.chance(0.03) ? pick.one(["PUT", "DELETE", "PATCH", "GET"]) : "POST";
  const compression = pick.one(COMPRESSIONS);
  const accepted = pick.one(ACCEPTED);
  const message = compressed(pick, compression, messageOf(pick, method, json));
  if (protocol === "connect") {
    headers["content-type"] = pick.chance(0.9)
      ? `application/${json ? "json" : "proto"}`
      : pick.one([
          "application/json; charset=utf-8",
          "Application/JSON",
          "text/plain",
          "application/json;charset=latin1",
          "application/connect+json",
        ]);
    put(headers, "content-encoding", compression);
    put(headers, "accept-encoding", accepted);
    put(headers, "connect-protocol-version", pick.one(["1", undefined, "2"]));
    put(
      headers,
      "connect-timeout-ms",
      pick.one([undefined, undefined, undefined, "60000", "0", "-1", "1e3", "99999999999", "9999999999"]),
    );
    return { http, verb, target, headers, body: verb === "GET" ? Buffer.alloc(0) : message };
  }
  const types = json ? ["+json"] : ["", "+proto"];
  headers["content-type"] =
    `application/${protocol}${pick.chance(0.97) ? pick.one(types) : pick.one(["-text", "+xml", "+JSON"])}`;
  put(headers, "grpc-encoding", compression);
  put(headers, "grpc-accept-encoding", accepted);
  put(
    headers,
    "grpc-timeout",
    pick.one([undefined, undefined, undefined, "60S", "0m", "1", "5000000u", "123456789S", "-1S"]),
  );
  const flags = (compression === undefined) === pick.chance(0.05) ? 1 : 0;
  let body = pick.chance(0.02)
    ? Buffer.alloc(0)
    : frame(message, flags | (pick.chance(0.03) ? pick.one([0x80, 0x02, 0x81]) : 0));
  if (pick.chance(0.03)) body = Buffer.concat([body, frame(message, flags)]);
  if (pick.chance(0.03)) body = Buffer.concat([body, pick.bytes(pick.one([1, 4, 5, 9]))]);
  if (pick.chance(0.03)) body = body.subarray(0, pick.below(body.length + 1));
  return { http, verb, target, headers, body: verb === "GET" ? Buffer.alloc(0) : body };
}

/** https://connectrpc.com/docs/protocol#unary-get-request */
function getCall(pick: Picker, http: "1.1" | "2", method: string, headers: Record<string, string>): RandomCall {
  const json = pick.chance(0.6);
  const compression = pick.one(COMPRESSIONS);
  const small = method === "Peek" ? method : "Peek";
  const message = compressed(pick, compression, messageOf(pick, small, json)).subarray(0, 4_000);
  const base64 = !json || compression !== undefined || pick.chance(0.3);
  const query = new URLSearchParams();
  const put = (name: string, value: string | undefined) => value !== undefined && query.append(name, value);
  put("connect", pick.one(["v1", undefined, "v2"]));
  put("encoding", pick.one(json ? ["json", "json", "json", "xml", undefined] : ["proto", "proto", "json"]));
  put(
    "message",
    pick.chance(0.05) ? undefined : base64 ? message.toString(pick.one(["base64", "base64url"])) : message.toString(),
  );
  put("base64", base64 ? pick.one(["1", "1", "1", "0", undefined]) : pick.one([undefined, undefined, "1"]));
  put("compression", compression);
  if (pick.chance(0.1)) put("message", "second");
  const accepted = pick.one(ACCEPTED);
  if (accepted !== undefined) headers["accept-encoding"] = accepted;
  if (pick.chance(0.1)) headers["connect-timeout-ms"] = pick.one(["60000", "0", "x"]);
  const text = query.toString();
  const spelled = pick.chance(0.1) ? text.replaceAll("%3F", "?").replaceAll("%7B", "{") : text;
  return {
    http,
    verb: "GET",
    target: `${SERVICE}/${method}?${spelled}${pick.chance(0.03) ? "&%zz=%ff" : ""}`,
    headers,
    body: Buffer.alloc(0),
  };
}
