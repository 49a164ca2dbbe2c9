// Calls with any bytes as the body, and their raw responses: for requests that no correct client sends.
import { connect, constants } from "node:http2";
import { fromBinary } from "@bufbuild/protobuf";
import { BadRequestSchema, ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { TOKEN } from "../servers/echo-server.ts";
import type { Protocol } from "./clients.ts";

export interface RawCall {
  readonly path: string;
  readonly protocol: Protocol;
  readonly json?: boolean;
  /** Of a streaming method: Connect then wants envelopes too. */
  readonly stream?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly method?: string;
  /** The body never ends. */
  readonly keepOpen?: boolean;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  /** The Connect code as its wire spells it, for gRPC the number. Undefined: no error. */
  readonly code: string | undefined;
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly fields: readonly string[];
}

export function contentType({ protocol, json = false, stream = false }: RawCall): string {
  const format = json ? "json" : "proto";
  if (protocol !== "connect") return `application/${protocol}+${format}`;
  return stream ? `application/connect+${format}` : `application/${format}`;
}

/** Puts messages into the frames that gRPC, gRPC-Web and Connect streams use. */
export function frame(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags);
  head.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([head, message]);
}

/** The body of one message as the protocol wants it. */
export function bodyOf(call: Pick<RawCall, "protocol" | "stream">, message: Uint8Array, flags = 0): Uint8Array {
  return call.protocol === "connect" && call.stream !== true ? message : frame(message, flags);
}

/** Calls over HTTP/2 and reads the answer to its end. */
export async function rawCall(url: string, call: RawCall): Promise<RawAnswer> {
  const session = connect(url);
  try {
    return await new Promise((resolve, reject) => {
      session.on("error", reject);
      const request = session.request({
        [constants.HTTP2_HEADER_METHOD]: call.method ?? "POST",
        [constants.HTTP2_HEADER_PATH]: call.path,
        ...(call.method === "GET" ? {} : { "content-type": contentType(call) }),
        authorization: `Bearer ${TOKEN}`,
        te: "trailers",
        ...call.headers,
      });
      const chunks: Buffer[] = [];
      let headers: Record<string, string | undefined> = {};
      let trailers: Record<string, string | undefined> = {};
      request.on("response", (h) => (headers = h as typeof headers));
      request.on("trailers", (h) => (trailers = h as typeof trailers));
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("error", reject);
      request.on("end", () => resolve(read(call, headers, trailers, Buffer.concat(chunks))));
      if (call.keepOpen === true) request.write(call.body ?? Buffer.alloc(0));
      else if (!request.writableEnded) request.end(call.body);
    });
  } finally {
    session.destroy();
  }
}

function read(
  { protocol, stream }: RawCall,
  headers: Record<string, string | undefined>,
  trailers: Record<string, string | undefined>,
  body: Buffer,
): RawAnswer {
  const status = Number(headers[":status"]);
  const base = { status, headers: { ...headers, ...trailers }, body };
  if (protocol === "connect") {
    const json = stream === true && status === 200 ? lastFrame(body) : status === 200 ? Buffer.from("{}") : body;
    const parsed = JSON.parse(json.toString() || "{}");
    return { ...base, ...connectError(stream === true && status === 200 ? parsed.error : parsed) };
  }
  const fields =
    protocol === "grpc-web" && headers["grpc-status"] === undefined
      ? Object.fromEntries(
          lastFrame(body)
            .toString()
            .trim()
            .split("\r\n")
            .map((line) => line.split(/: ?(.*)/s).slice(0, 2)),
        )
      : base.headers;
  return { ...base, ...grpcError(fields) };
}

function lastFrame(body: Buffer): Buffer {
  let offset = 0;
  let last: Buffer = Buffer.alloc(0);
  while (offset < body.length) {
    const length = body.readUInt32BE(offset + 1);
    last = body.subarray(offset + 5, offset + 5 + length);
    offset += 5 + length;
  }
  return last;
}

type ErrorPart = Pick<RawAnswer, "code" | "reason" | "message" | "fields">;

function connectError(
  json: { code?: string; message?: string; details?: Array<{ type: string; value: string }> } = {},
): ErrorPart {
  const details = (json.details ?? []).map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") }));
  return { code: json.code, message: json.message, ...readDetails(details) };
}

function grpcError(fields: Readonly<Record<string, string | undefined>>): ErrorPart {
  const code = fields["grpc-status"];
  if (code === "0") return { code: undefined, reason: undefined, message: undefined, fields: [] };
  const bytes = Buffer.from(fields["grpc-status-details-bin"] ?? "", "base64");
  const details = fromBinary(StatusSchema, bytes).details.map((any) => ({
    type: any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1),
    value: any.value,
  }));
  return { code, message: decodeURIComponent(fields["grpc-message"] ?? ""), ...readDetails(details) };
}

function readDetails(
  details: ReadonlyArray<{ type: string; value: Uint8Array }>,
): Pick<RawAnswer, "reason" | "fields"> {
  const info = details.find(({ type }) => type === ErrorInfoSchema.typeName);
  const bad = details.find(({ type }) => type === BadRequestSchema.typeName);
  return {
    reason: info === undefined ? undefined : fromBinary(ErrorInfoSchema, info.value).reason,
    fields: bad === undefined ? [] : fromBinary(BadRequestSchema, bad.value).fieldViolations.map((v) => v.field),
  };
}
